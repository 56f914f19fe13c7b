"""The speed of the three sizes of the U-Net."""

from experiments.experiment import Experiment

SIZES = {  # encoder, width, and the paper's frames a second on its processor
    "ResNet-101": ("resnet101", 1.0, 5.0),
    "ResNet-18": ("resnet18", 1.0, 18.7),
    "ResNet-18, half": ("resnet18", 0.5, 43.7),
}

EXPERIMENT = Experiment(
    name="bench_networks",
    question="How fast are the three sizes of the U-Net?",
    cost="three minutes; extras deep and onnx",
    packages=("torch", "onnxruntime"),
)
