"""Drawing what a training run measured."""
