"""A callback of one's own."""

import pytorch_lightning as pl


class UntilRight(pl.Callback):
    """Ends a training once enough of val's images have been told rightly at some measures in a row."""

    def __init__(self, accuracy: float = 0.95, times: int = 2) -> None:
        self.accuracy, self.times, self.right = accuracy, times, 0

    def state_dict(self) -> dict[str, int]:
        """What a resumed run goes on with: numbers, texts, tensors, and lists and dictionaries of these."""
        return {"right": self.right}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.right = state["right"]

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        enough = float(trainer.callback_metrics["val/accuracy"]) >= self.accuracy
        self.right = self.right + 1 if enough else 0
        trainer.should_stop |= self.right >= self.times
