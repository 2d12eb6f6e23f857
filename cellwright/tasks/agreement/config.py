"""Settings of agreement: what `cellwright train agreement` reads from TOML and `--set`."""

from __future__ import annotations

from pydantic import Field

from cellwright.tasks.classify.config import ClassifyModel, ClassifyTrain
from cellwright.tasks.training.config import Config, DataSection

__all__ = ["AgreementConfig", "AgreementData"]


class AgreementData(DataSection):
    path: str = Field(
        "agreement",
        description="agreement, agreement-en or agreement-zh, a .gold file beside its .text file, or their folder",
    )
    size: int = Field(0, ge=0, le=10_000_000, description="generated training sentences; 0 = 8,000")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the generated sentences")


class AgreementConfig(Config):
    data: AgreementData = AgreementData()
    model: ClassifyModel = ClassifyModel(
        bidirectional=False,
        hidden_size=64,
        forget_bias=3.0,
        word_dim=32,
        affix_dim=32,
        feature_dropout=0.1,
        dropout=0.1,
        word_dropout=100.0,
        pooling=["final"],
    )
    train: ClassifyTrain = ClassifyTrain(epochs=6, learning_rate=0.01, clip=1.0, average=0.98)
