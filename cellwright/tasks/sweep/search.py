"""The choice of a run's settings from those that are done: a pure function of the seed and of their figures.

Optuna's tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization") chooses;
its median rule prunes. Optuna's study is built anew from the list of trials, so that it needs no data base and a sweep
that was stopped goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellwright.errors import ConfigError
from cellwright.tasks.sweep.settings import SweepSection
from cellwright.tasks.sweep.space import Space
from cellwright.tasks.sweep.trials import COMPLETE, FAILED, PRUNED, Trial

__all__ = ["Asked", "Search"]


class Asked:
    """A run that is under way.

    Attributes:
        values: the settings chosen for it.
    """

    def __init__(self, trial: Any, values: Mapping[str, Any], prune: bool) -> None:
        self.values, self.by_epoch = dict(values), list[float]()
        self._trial, self._prune = trial, prune

    def tell(self, best: float) -> bool:
        """The best metric after one more epoch; whether the run should end here."""
        self._trial.report(best, len(self.by_epoch))
        self.by_epoch.append(best)
        return self._prune and self._trial.should_prune()


class Search:
    """Raises ConfigError: the package optuna is not installed."""

    def __init__(self, space: Space, section: SweepSection) -> None:
        try:
            import optuna
        except ImportError:
            raise ConfigError(
                "Expected optuna, which chooses the settings of a sweep, found it not installed.",
                repair="pip install 'cellwright[sweep]'",
            ) from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._space, self._section = space, section

    def ask(self, done: Sequence[Trial], own: Mapping[str, Any]) -> Asked:
        """The next run. The first one has the settings as they are, where all of them lie in the space.

        Args:
            done: the runs before it.
            own: the settings that a run has without the search.
        """
        optuna, section = self._optuna, self._section
        drawn = np.random.SeedSequence(section.seed, spawn_key=(len(done),)).generate_state(1)
        study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=int(drawn[0]), n_startup_trials=section.random),
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=section.prune_after, n_warmup_steps=max(0, section.prune_epochs - 1)
            ),
        )
        for trial in done:
            study.add_trial(self._frozen(trial))
        if not done and all(key in own and entry.holds(own[key]) for key, entry in self._space.items()):
            study.enqueue_trial({key: entry.encode(own[key]) for key, entry in self._space.items()})
        asked = study.ask({key: entry.distribution() for key, entry in self._space.items()})
        values = {key: entry.decode(asked.params[key]) for key, entry in self._space.items()}
        return Asked(asked, values, section.prune)

    def _frozen(self, trial: Trial) -> Any:
        states = self._optuna.trial.TrialState
        state = {COMPLETE: states.COMPLETE, PRUNED: states.PRUNED, FAILED: states.FAIL}[trial.state]
        return self._optuna.trial.create_trial(
            state=state,
            value=None if trial.state == FAILED else trial.best,
            params={key: entry.encode(trial.values[key]) for key, entry in self._space.items()},
            distributions={key: entry.distribution() for key, entry in self._space.items()},
            intermediate_values=dict(enumerate(trial.by_epoch)),
        )
