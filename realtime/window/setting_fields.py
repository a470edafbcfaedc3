"""One field for each setting of the analysis that can be changed in the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from realtime.config import Config
from realtime.settings_help import documentation
from realtime.window.forms import text, tip
from realtime.window.overrides import ANALYSIS, PRESETS, VERDICT, WITNESSES, Origin, value_of
from realtime.window.translate import later, tr

Field = QCheckBox | QComboBox | QDoubleSpinBox | QSpinBox

_LARGEST: Final = 1e6
_TITLES: Final = {
    "scorer.device": later("The model runs on"),
    "scorer.rate_hz": later("Scores a second"),
    "scorer.views": later("Changed copies"),
    "faces.max_faces": later("Faces at most"),
    "verdict.min_size_px": later("Smallest face"),
    "verdict.half_life_s": later("Half-life"),
    "verdict.min_dwell_s": later("Must last for"),
    "verdict.hysteresis": later("Hysteresis"),
    "cues.blink": later("Blinking"),
    "cues.head": later("Head and gaze"),
    "cues.dynamics": later("Movement of the features"),
    "cues.pulse": later("Pulse in the skin"),
    "cues.lipsync": later("Mouth and voice"),
    "cues.timing": later("Timing"),
    "cues.change": later("Change"),
    "cues.fuse": later("They move the verdict"),
}
_DEVICES: Final = {
    "auto": later("what is fastest here"),
    "cuda": later("the graphics card (CUDA)"),
    "cpu": later("the processor"),
}
_UNITS: Final = {"_s": later(" s"), "_px": later(" px")}
_ORIGINS: Final = {
    Origin.DEFAULT: later("default"),
    Origin.START: later("given at the start"),
    Origin.HERE: later("changed here"),
}
_PRESETS: Final = {
    "standard": later("Standard, as it was measured"),
    "quick": later("Quick: tells a change sooner, and errs more often"),
    "steady": later("Steady: takes longer, and errs less often"),
}
OWN: Final = "own"


class AnalysisFields(QWidget):
    """Shows a configuration; ``values`` are what was made of it."""

    def __init__(self, config: Config, origin: Callable[[str], Origin]) -> None:
        super().__init__()
        self.fields: dict[str, Field] = {}
        self.origins: dict[str, QLabel] = {}
        self._exact: dict[str, tuple[Any, Any]] = {}
        self.preset = QComboBox()
        self.preset.setAccessibleName(tr("How readily it judges"))
        for name, words in (*_PRESETS.items(), (OWN, later("Own values"))):
            self.preset.addItem(tr(words), name)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        rest = [name for name in ANALYSIS if name not in (*VERDICT, *WITNESSES)]
        for title, names in (
            (tr("Model and faces"), rest),
            (tr("How readily it judges"), list(VERDICT)),
            (tr("Witnesses beside the model"), list(WITNESSES)),
        ):
            column.addWidget(self._group(title, names, config))
        column.addStretch(1)
        self.show_config(config)
        for name, label in self.origins.items():
            label.setText(tr(_ORIGINS[origin(name)]))
        self.preset.activated.connect(self._use_preset)

    @property
    def values(self) -> dict[str, Any]:
        """What is shown, by the names of the settings."""
        found = {}
        for name, field in self.fields.items():
            shown, exact = self._exact[name]
            value = _read(field)
            # A field may show fewer digits than a file gave.
            found[name] = exact if value == shown else value
        return found

    def show_config(self, config: Config) -> None:
        """Show the values of ``config``."""
        for name, field in self.fields.items():
            exact = value_of(config, name)
            _write(field, exact)
            self._exact[name] = (_read(field), exact)
        self._find_preset()

    def _group(self, title: str, names: list[str], config: Config) -> QGroupBox:
        group = QGroupBox(title)
        form = QFormLayout(group)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        if names == list(VERDICT):
            form.addRow(tr("Preset"), self.preset)
        for name in names:
            section, _, key = name.partition(".")
            words = tr(documentation(type(getattr(config, section))).get(key, ""))
            field = _field(name, value_of(config, name))
            field.setToolTip(tip(f"{name}: {words}"))
            title = tr(_TITLES.get(name, key))
            field.setAccessibleName(title)
            field.setAccessibleDescription(words)
            if isinstance(field, QCheckBox):
                field.setText(title)
            self.fields[name] = field
            self.origins[name] = QLabel()
            row = QHBoxLayout()
            row.addWidget(field, 1)
            row.addWidget(self.origins[name])
            form.addRow("" if isinstance(field, QCheckBox) else title, _holder(row))
            form.addRow("", _faint(text(words)))
            if isinstance(field, QDoubleSpinBox):
                field.valueChanged.connect(self._find_preset)
        return group

    def _use_preset(self) -> None:
        values = PRESETS.get(str(self.preset.currentData()))
        for name, value in zip(VERDICT, values or (), strict=False):
            _write(self.fields[name], value)

    def _find_preset(self) -> None:
        shown = tuple(_read(self.fields[name]) for name in VERDICT)
        found = next((name for name, values in PRESETS.items() if values == shown), OWN)
        self.preset.setCurrentIndex(self.preset.findData(found))


def _field(name: str, value: Any) -> Field:
    if isinstance(value, bool):
        return QCheckBox()
    if isinstance(value, str):
        box = QComboBox()
        for device, words in _DEVICES.items():
            box.addItem(tr(words), device)
        return box
    field: QDoubleSpinBox | QSpinBox
    if isinstance(value, int):
        field = QSpinBox()
        field.setRange(0, round(_LARGEST))
    else:
        field = QDoubleSpinBox()
        # As wide as need be: what makes sense the settings themselves say.
        field.setRange(0.0, _LARGEST)
        field.setDecimals(2)
        field.setSingleStep(0.5)
    unit = next((words for end, words in _UNITS.items() if name.endswith(end)), "")
    field.setSuffix(tr(unit))
    return field


def _read(field: Field) -> Any:
    if isinstance(field, QCheckBox):
        return field.isChecked()
    if isinstance(field, QComboBox):
        return field.currentData()
    return field.value()


def _write(field: Field, value: Any) -> None:
    if isinstance(field, QCheckBox):
        field.setChecked(value)
    elif isinstance(field, QComboBox):
        field.setCurrentIndex(field.findData(value))
    else:
        field.setValue(value)


def _holder(row: QHBoxLayout) -> QWidget:
    row.setContentsMargins(0, 0, 0, 0)
    holder = QWidget()
    holder.setLayout(row)
    return holder


def _faint(label: QLabel) -> QLabel:
    label.setForegroundRole(label.palette().PlaceholderText)
    label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return label
