"""Pictures from templates: readable, within safe zones, exactly as each place wants them; pure and repeatable."""

from tools.render.layout import Scene
from tools.render.paint import Drawing, read_picture, render
from tools.render.slots import Slot, problems, slot_of, slots_of

__all__ = ["Drawing", "Scene", "Slot", "problems", "read_picture", "render", "slot_of", "slots_of"]
