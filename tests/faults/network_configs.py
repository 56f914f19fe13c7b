"""Contents of config.json of each class of network: one that it had, and values that it cannot have."""

DEEP = "[" * 100_000

CONFIGS = {
    "unet": {"encoder": "resnet10t", "width": 0.25, "trimap": False, "boundary": False},
    "gca": {"network": "gca", "width": 0.15625, "trimap": "one-hot"},
    "matteformer": {
        "network": "matteformer",
        "channels": 16,
        "depths": [2, 2, 2, 2],
        "heads": [1, 2, 4, 8],
        "decoder": [48, 40, 32, 24, 16],
        "drop_path": 0.0,
        "trimap": "one-hot",
    },
    "modnet": {"network": "modnet", "size": "tiny", "trimap": False},
    "net_m": {"network": "net_m", "width": 0.15625, "trimap": "one-hot", "refinement": False},
    "net_t": {"network": "net_t", "size": "tiny"},
    "vitmatte": {  # as transformers 4.33 wrote it
        "_name_or_path": "",
        "architectures": ["VitMatteForImageMatting"],
        "backbone": None,
        "backbone_config": {
            "_name_or_path": "",
            "add_cross_attention": False,
            "drop_path_rate": 0.0,
            "hidden_act": "gelu",
            "hidden_size": 96,
            "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
            "image_size": 512,
            "mlp_ratio": 4,
            "model_type": "vitdet",
            "num_attention_heads": 3,
            "num_channels": 4,
            "num_hidden_layers": 4,
            "out_features": ["stage4"],
            "out_indices": [4],
            "patch_size": 16,
            "residual_block_indices": [1, 3],
            "stage_names": ["stem", "stage1", "stage2", "stage3", "stage4"],
            "torch_dtype": None,
            "typical_p": 1.0,
            "use_relative_position_embeddings": True,
            "window_block_indices": [0, 2],
            "window_size": 14,
        },
        "batch_norm_eps": 1e-05,
        "convstream_hidden_sizes": [12, 24, 48],
        "fusion_hidden_sizes": [64, 48, 32, 16],
        "hidden_size": 96,
        "initializer_range": 0.02,
        "model_type": "vitmatte",
        "torch_dtype": "float32",
        "transformers_version": "4.33.0.dev0",
        "use_pretrained_backbone": False,
        "use_timm_backbone": False,
    },
    "joint": {"network": "joint", "fusion": "soft"},
    "fusion": {"features": 3, "trusted": 0, "widths": [4], "dropout": 0.0},
}

FILES = {  # contents of config.json that are no configuration
    "list": b"[]",
    "list of pairs": b'[["encoder", "resnet18"]]',
    "null": b"null",
    "number": b"17",
    "string": b'"unet"',
    "true": b"true",
    "empty": b"",
    "cut short": b'{"encoder": "resn',
    "deep list": DEEP.encode(),
    "deep object": b'{"a":' * 100_000,
    "deep value": b'{"network": ' + b"[" * 900 + b"]" * 900 + b"}",
    "binary": bytes(range(256)),
    "utf-16": '{"encoder": "resnet18"}'.encode("utf-16"),
    "many digits": b'{"width": ' + b"9" * 10_000 + b"}",
    "large": b'{"encoder": "' + b"a" * 2_000_000 + b'"}',
    "no network": b'{"network": "gan"}',
    "network is a list": b'{"network": ["unet"]}',
    "network is an object": b'{"network": {"unet": 1}}',
    "network is null": b'{"network": null}',
    "another model": b'{"model_type": "bert"}',
}

NUMBERS = ("wide", None, True, [1.0], {}, -1.0, 0, 1e9, float("nan"), float("inf"), 10**30)

FLAGS = ("yes", 1, 0, None, [], {})

TRIMAPS = ("one_hot", 2, 1, None, [True], {}, "../trimap")

SIZES = ("huge", 1, None, ["tiny"], {"tiny": 1}, True)

COUNTS = ("16", None, True, 0, -1, 10**6, 1.5, [16], {})

LISTS = ("2222", None, 4, [], [1, 2], [1] * 5, [1, 2, 3, "4"], [1, 2, 4, 0], [1, 2, 4, -8], [1, 2, 4, 8.0], [[1]] * 4)

ENCODERS = (
    "hf-hub:timm/resnet18.a1_in1k",
    "hf_hub:timm/resnet18",
    "local-dir:/etc",
    "timm/resnet18",
    "https://example.org/resnet18",
    "../resnet18",
    "resnet18.hf-hub:a/b",
    "resnet18\n",
    "no_such_encoder",
    "resnet18.no_such_tag",
    "",
    "r" * 100_000,
    18,
    None,
    ["resnet18"],
    {"name": "resnet18"},
    True,
)

VALUES = {  # values of config.json that the class cannot have, by key
    "unet": {"encoder": ENCODERS, "width": NUMBERS, "trimap": TRIMAPS, "boundary": FLAGS},
    "gca": {"width": NUMBERS, "trimap": TRIMAPS},
    "net_m": {"width": NUMBERS, "trimap": TRIMAPS, "refinement": FLAGS},
    "net_t": {"size": SIZES},
    "modnet": {"size": SIZES, "trimap": TRIMAPS},
    "matteformer": {
        "channels": COUNTS,
        "depths": (*LISTS, [10**6, 2, 2, 2]),
        "heads": (*LISTS, [10**6, 2, 4, 8], [3, 3, 3, 3]),
        "decoder": (*(value for value in LISTS if value != [1] * 5), [10**9] * 5),
        "drop_path": ("0.3", None, True, -0.1, 1, 1.0, 7, [0.3], float("nan")),
        "trimap": (*TRIMAPS, False),
    },
    "vitmatte": {
        "backbone": ("microsoft/resnet-50", "resnet18", 1, {}),
        "use_pretrained_backbone": (True, "yes", 1),
        "use_timm_backbone": (True, 1),
        "backbone_config": (None, [], "vitdet", 7, {"model_type": "resnet"}, {"model_type": []}),
        "hidden_size": (*COUNTS, 48),
        "convstream_hidden_sizes": (*LISTS, [10**9] * 3),
        "fusion_hidden_sizes": (*LISTS, [10**9] * 4),
        "batch_norm_eps": ("0", None, True, -1.0, 0.0, float("nan")),
        "auto_map": ({"AutoModel": "code.Model"},),
        "quantization_config": ({"quant_method": "gptq"},),
    },
    "joint": {"fusion": ("mean", None, 1, ["soft"], {})},
    "fusion": {
        "features": COUNTS,
        "trusted": ("0", None, True, -1, 3, 10**9, [0]),
        "widths": ("4", None, 4, [0], [-4], [4.0], ["4"], [10**9], [4] * 1000, [[4]]),
        "dropout": ("0", None, True, -0.1, 1.5, float("nan")),
        "outputs": ("2", None, True, 0, 3, 1.0, [1]),
    },
}

BACKBONE = {
    "hidden_size": (*COUNTS, 95),
    "num_hidden_layers": COUNTS,
    "num_attention_heads": (*COUNTS, 5),
    "mlp_ratio": COUNTS,
    "hidden_act": ("no_such", 1, None, ["gelu"]),
    "patch_size": (*COUNTS, 8, [8, 8]),
    "image_size": ("512", None, True, 0, 10**6, [512], [512, 10**9]),
    "pretrain_image_size": ("512", None, True, 0, 10**6, [512]),
    "num_channels": COUNTS,
    "window_size": ("14", None, True, 0, -1, 10**6),
    "window_block_indices": ("02", None, [4], [-1], [0.0], ["0"], [0] * 1000),
    "residual_block_indices": ("02", None, [4], [-1], [10**9]),
    "out_features": ("stage4", ["stage9"], [], [4], ["stage4"] * 1000),
    "out_indices": (4, [9], ["4"], []),
    "qkv_bias": FLAGS,
    "use_relative_position_embeddings": FLAGS,
    "drop_path_rate": ("0", None, True, 1.0, -0.5),
    "kernel": ("kernels-community/attention",),
}
