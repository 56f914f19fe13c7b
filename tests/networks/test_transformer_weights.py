"""Published vision transformers as the start of ViTMatte and of MatteFormer, which took no pre-trained weights."""

import re

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from hybridmatte import networks
from hybridmatte.networks.network import MEAN, STD, normalized
from hybridmatte.networks.transformer_weights import load_vit
from hybridmatte.training import TrainingConfig
from hybridmatte.training.initial_network import new_network

VIT = {"embed_dim": 96, "depth": 4, "num_heads": 3, "img_size": 224, "patch_size": 16, "num_classes": 7}
SWIN = {"embed_dim": 16, "depths": (2, 2, 2, 2), "num_heads": (1, 2, 4, 8), "num_classes": 7}


@pytest.fixture
def vit():
    torch.manual_seed(0)
    return timm.models.VisionTransformer(**VIT).eval()


@pytest.fixture
def swin():
    torch.manual_seed(0)
    network = timm.models.SwinTransformer(**SWIN).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network


def wrapped(tensors, form):
    """Return the content of a file as the authors of DINO or MAE write it."""
    return {
        "flat": tensors,
        "mae": {"model": tensors | {"mask_token": torch.zeros(1, 1, 9), "decoder_pos_embed": torch.zeros(1, 5, 8)}},
        "dino": {"teacher": {f"backbone.{name}": value for name, value in tensors.items()}, "epoch": 3},
        "module": {"state_dict": {f"module.{name}": value for name, value in tensors.items()}},
    }[form]


@pytest.mark.parametrize("form", ["flat", "mae", "dino", "module"])
def test_vit_from_every_form(form, vit, tmp_path):
    torch.save(wrapped(vit.state_dict(), form), tmp_path / "vit.pth")
    network = networks.vitmatte("tiny", pretrained=tmp_path / "vit.pth")
    own, its = network.model.backbone.state_dict(), vit.state_dict()
    scaled = its["patch_embed.proj.weight"] * 0.5 / torch.tensor(STD)[:, None, None]  # ViTMatte divides by 0.5
    assert torch.allclose(own["embeddings.projection.weight"][:, :3], scaled)
    assert not own["embeddings.projection.weight"][:, 3:].any()
    assert torch.equal(own["embeddings.position_embeddings"], its["pos_embed"])
    assert torch.equal(own["encoder.layer.3.attention.qkv.weight"], its["blocks.3.attn.qkv.weight"])
    assert torch.equal(own["encoder.layer.2.mlp.fc2.bias"], its["blocks.2.mlp.fc2.bias"])


def test_vit_computes_the_same(tmp_path):
    """At 224 pixels a window is the whole image, so that without class token the features are equal."""
    torch.manual_seed(0)
    plain = timm.models.VisionTransformer(**VIT, class_token=False, global_pool="avg").eval()
    save_file(plain.state_dict(), tmp_path / "vit.safetensors")
    network = networks.vitmatte("tiny", trimap=False, pretrained=tmp_path / "vit.safetensors").eval()
    image = torch.rand(1, 3, 224, 224)
    with torch.no_grad():  # ViTMatte's colours have another mean and deviation than those of DINO and MAE
        found = network.model.backbone(network.join(image)).feature_maps[-1]
        tokens = plain.pos_drop(plain._pos_embed(plain.patch_embed(normalized(image, MEAN, STD))))
        expected = plain.blocks(tokens).mT.unflatten(2, (14, 14))
    assert torch.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("head", ["ViTModel", "ViTForImageClassification", "ViTForMaskedImageModeling"])
def test_vit_of_transformers_computes_the_same(head, tmp_path):
    """Its file has names of its own, and query, key and value apart; it was refused."""
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=96, num_hidden_layers=4, num_attention_heads=3, intermediate_size=384, encoder_stride=16
    )
    torch.manual_seed(0)
    plain = getattr(transformers, head)(config).eval()
    plain.save_pretrained(tmp_path)
    network = networks.vitmatte("tiny", trimap=False, pretrained=tmp_path / "model.safetensors").eval()
    own, its = network.model.backbone.state_dict(), load_file(tmp_path / "model.safetensors")
    its = {name.removeprefix("vit."): tensor for name, tensor in its.items()}
    block = "encoder.layer.2.attention.attention"
    parts = torch.cat([its[f"{block}.{name}.weight"] for name in ("query", "key", "value")])
    assert torch.equal(own["encoder.layer.2.attention.qkv.weight"], parts)
    tokens = torch.rand(1, 196, 96)
    blocks = getattr(plain, "vit", plain).layers
    with torch.no_grad():
        expected, found = tokens, tokens.unflatten(1, (14, 14))
        for theirs, ours in zip(blocks, network.model.backbone.encoder.layer, strict=True):
            expected = theirs(expected)
            expected = expected[0] if isinstance(expected, tuple) else expected
            found = ours(found.permute(0, 3, 1, 2))
            found = (found[0] if isinstance(found, tuple) else found).permute(0, 2, 3, 1)
    assert torch.allclose(found.flatten(1, 2), expected, atol=1e-3)


def test_position_embeddings_of_another_size(vit):
    tensors = vit.state_dict()
    first, grid = tensors["pos_embed"].split([1, 196], dim=1)
    planes = grid.mT.unflatten(2, (14, 14)).repeat_interleave(2, 2).repeat_interleave(2, 3)
    tensors["pos_embed"] = torch.cat([first, planes.flatten(2).mT], dim=1)
    backbone = networks.vitmatte("tiny").model.backbone
    load_vit(backbone, tensors)
    found = backbone.embeddings.position_embeddings
    assert torch.equal(found[:, :1], first)
    assert torch.nn.functional.mse_loss(found[:, 1:], grid) < 0.3 * grid.square().mean()


@pytest.mark.parametrize("authors", [False, True])
def test_swin_computes_the_same(authors, swin, tmp_path):
    """Where no place is in a region, the prior tokens get no weight, and the features are those of Swin."""
    tensors = {name: value.clone() for name, value in swin.state_dict().items()}
    if authors:  # merging at the end of a stage, and buffers
        tensors = {
            re.sub(r"^layers\.(\d)\.downsample", lambda match: f"layers.{int(match[1]) - 1}.downsample", name): value
            for name, value in tensors.items()
        } | {"layers.0.blocks.1.attn_mask": torch.zeros(4, 49, 49)}
    torch.save({"model": tensors} if authors else tensors, tmp_path / "swin.pth")
    network = networks.matteformer("tiny", pretrained=str(tmp_path / "swin.pth")).eval()
    image = torch.rand(1, 3, 224, 224)
    planes = torch.cat([image, torch.zeros(1, 3, 224, 224)], dim=1)
    with torch.no_grad():
        found, seen = [], []
        for stage in network.encoder.stages:
            stage.register_forward_hook(lambda _, __, result: found.append(result[0]))
        network.encoder(planes, torch.zeros(1, 3, 224, 224, dtype=torch.bool))
        for layer in swin.layers:
            layer.register_forward_hook(lambda _, __, result: seen.append(result))
        swin.forward_features(image)
    for own, its in zip(found, seen, strict=True):
        assert torch.allclose(own, its, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", ["vitmatte", "matteformer"])
class TestRefused:
    def test_another_size(self, name, vit, swin, tmp_path):
        save_file((vit if name == "vitmatte" else swin).state_dict(), tmp_path / "x.safetensors")
        size = "small" if name == "vitmatte" else "swin_tiny"
        with pytest.raises(ValueError, match=r"pretrained .*x\.safetensors has"):
            getattr(networks, name)(size, pretrained=tmp_path / "x.safetensors")

    def test_another_network(self, name, tmp_path):
        save_file(timm.create_model("resnet10t").state_dict(), tmp_path / "x.safetensors")
        with pytest.raises(ValueError, match=r"x\.safetensors has no tensor for .*, expected weights of the same"):
            getattr(networks, name)("tiny", pretrained=tmp_path / "x.safetensors")

    def test_layer_scale_is_not_dropped(self, name, vit, swin, tmp_path):
        tensors = (vit if name == "vitmatte" else swin).state_dict() | {"blocks.0.ls1.gamma": torch.ones(96)}
        save_file(tensors, tmp_path / "x.safetensors")
        with pytest.raises(ValueError, match="ls1.gamma, expected weights of the same transformer"):
            getattr(networks, name)("tiny", pretrained=tmp_path / "x.safetensors")

    def test_tiny_of_timm(self, name):
        with pytest.raises(ValueError, match="size is 'tiny', expected '"):
            getattr(networks, name)("tiny", pretrained=True)


def test_a_run_names_the_file(vit, tmp_path):
    save_file(vit.state_dict(), tmp_path / "vit.safetensors")
    config = TrainingConfig(network="vitmatte", size="tiny", pretrained=str(tmp_path / "vit.safetensors"))
    network = new_network(config)
    expected = vit.state_dict()["blocks.0.attn.qkv.weight"]
    assert torch.equal(network.model.backbone.encoder.layer[0].attention.qkv.weight, expected)


@pytest.mark.parametrize("name", ["unet", "net_t", "net_m"])
def test_convolutional_encoders_from_local_files(name, tmp_path):
    """So do the others, without a download."""
    encoder = {"unet": "resnet18", "net_t": "resnet50", "net_m": "resnet34d"}[name]
    torch.manual_seed(1)
    torch.save({"state_dict": timm.create_model(encoder).state_dict()}, tmp_path / "encoder.pth")
    size = {"unet": "resnet18", "net_t": "resnet50", "net_m": "resnet34"}[name]
    config = {"network": name, "size": size, "pretrained": str(tmp_path / "encoder.pth")}
    config |= {"paradigm": "trimap"} if name == "net_t" else {"paradigm": "nonlocal"}
    first = new_network(TrainingConfig(**config))
    torch.manual_seed(7)
    second = new_network(TrainingConfig(**config | {"seed": 5}))
    layers = {"unet": "encoder.layer1.0.conv1.weight", "net_t": "encoder.layer1.0.conv1.weight"}
    key = layers.get(name, "down.0.0.layers.0.parametrizations.weight.original")
    assert torch.equal(first.state_dict()[key], second.state_dict()[key])
    assert torch.equal(
        first.state_dict()[key], torch.load(tmp_path / "encoder.pth")["state_dict"]["layer1.0.conv1.weight"]
    )
