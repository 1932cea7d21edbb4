"""`FunctionService` is hub.function_services.Functions: functions, and where they are at work."""

from __future__ import annotations

from pathlib import Path

from hub.fleet.ports import FunctionCommands, Presence
from hub.functions.artifacts import Artifacts
from hub.functions.catalogue import Catalogue
from hub.functions.events import Events
from hub.functions.loading import Loader
from hub.functions.look import Look
from hub.functions.rollouts import Rollouts
from hub.functions.trial_starts import CatalogueStarts
from hub.functions.trials import Trials
from hub.functions.uses import Uses
from hub.storage.config import ConfigStore


class FunctionService:
    """FunctionService(store, presence, commands, folder): environments of packages lie in `folder`.

    Its parts have the methods: catalogue.py, uses.py, look.py, trials.py, rollouts.py, events.py.
    Besides the Protocol there are `artifacts`, which answers the gateways, and `rollouts`, whose
    `run` watches new versions.
    """

    def __init__(
        self, store: ConfigStore, presence: Presence, commands: FunctionCommands, folder: Path
    ) -> None:
        self.catalogue = Catalogue(store, Loader(folder))
        self.deployed = Uses(store, presence, commands, self.catalogue)
        self.artifacts = Artifacts(store, presence)
        self.rollouts = Rollouts(store, self.deployed)
        look = Look(store, presence, commands)
        events = Events(store.database)
        trials = Trials(store, CatalogueStarts(self.catalogue, folder))

        self.functions = self.catalogue.functions
        self.function = self.catalogue.function
        self.check = self.catalogue.check
        self.save = self.catalogue.save
        self.upload = self.catalogue.upload
        self.delete_function = self.catalogue.delete_function

        self.uses = self.deployed.uses
        self.use = self.deployed.use
        self.deploy = self.deployed.deploy
        self.change_use = self.deployed.change_use
        self.roll_back = self.deployed.roll_back
        self.start_again = self.deployed.start_again
        self.shadow = self.deployed.shadow

        self.roll_out = self.rollouts.roll_out
        self.deployments = self.rollouts.deployments
        self.cancel = self.rollouts.cancel

        self.look = look.look
        self.try_out = trials.try_out
        self.record = trials.record
        self.events = events.events
