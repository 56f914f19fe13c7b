"""Which values the config.json of a ViTMatte may have: ours, and those that versions of transformers write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybridmatte.networks.config_schema import (
    ANYTHING,
    BOOLEAN,
    MAX_BLOCKS,
    MAX_CHANNELS,
    MAX_HEADS,
    RATE,
    Rule,
    check_rules,
    choice,
    each,
    integer,
    number,
    refused,
)
from hybridmatte.networks.network import PLANES

__all__ = ["vit_matte_options"]

MAX_SIDE = 4096  # pixels
ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "quick_gelu", "relu", "selu", "silu", "swish")
DEVIATION = number(0, 1)  # of the random weights, which the stored ones replace
EPSILON = number(0, 1, above=True)
BLOCKS = each(integer(0, MAX_BLOCKS - 1), 0, MAX_BLOCKS)
SIDE = integer(16, MAX_SIDE)
SIDES = Rule(
    lambda value: SIDE.accepts(value) or each(SIDE, 2, 2).accepts(value), f"{SIDE.expected}, or a list of two of them"
)
IGNORED = dict.fromkeys(  # what transformers writes into every configuration, without effect on a ViTMatte
    """_attn_implementation_autoset _commit_hash _name_or_path add_cross_attention architectures bad_words_ids
    begin_suppress_tokens bos_token_id chunk_size_feed_forward cross_attention_hidden_size decoder_start_token_id
    diversity_penalty do_sample dtype early_stopping encoder_no_repeat_ngram_size eos_token_id
    exponential_decay_length_penalty finetuning_task forced_bos_token_id forced_eos_token_id id2label is_decoder
    is_encoder_decoder label2id length_penalty max_length min_length no_repeat_ngram_size num_beam_groups num_beams
    num_return_sequences output_attentions output_hidden_states output_scores pad_token_id prefix problem_type
    pruned_heads remove_invalid_values repetition_penalty return_dict return_dict_in_generate sep_token_id stage_names
    suppress_tokens task_specific_params temperature tf_legacy_loss tie_encoder_decoder tie_word_embeddings
    tokenizer_class top_k top_p torch_dtype torchscript transformers_version typical_p use_bfloat16
    use_cache""".split(),
    ANYTHING,
)
USED: dict[str, Rule] = {  # of the whole network
    "hidden_size": integer(1, MAX_CHANNELS),
    "batch_norm_eps": EPSILON,
    "initializer_range": DEVIATION,
    "convstream_hidden_sizes": each(integer(1, MAX_CHANNELS), 3, 3),
    "fusion_hidden_sizes": each(integer(1, MAX_CHANNELS), 4, 4),
}
NO_BACKBONE: dict[str, Rule] = {  # another backbone would be asked from a hub
    "backbone": choice(None),
    "backbone_kwargs": choice(None, {}),
    "use_pretrained_backbone": choice(False, None),
    "use_timm_backbone": choice(False, None),
}
USED_BY_BACKBONE: dict[str, Rule] = {
    "hidden_size": integer(1, MAX_CHANNELS),
    "num_hidden_layers": integer(1, MAX_BLOCKS),
    "num_attention_heads": integer(1, MAX_HEADS),
    "mlp_ratio": integer(1, 16),
    "hidden_act": choice(*ACTIVATIONS),
    "dropout_prob": RATE,
    "initializer_range": DEVIATION,
    "layer_norm_eps": EPSILON,
    "image_size": SIDES,
    "pretrain_image_size": SIDES,
    "patch_size": choice(16, [16, 16]),  # the decoder enlarges its features four times
    "num_channels": choice(*(3 + count for count in PLANES.values())),
    "qkv_bias": BOOLEAN,
    "drop_path_rate": RATE,
    "window_block_indices": BLOCKS,
    "residual_block_indices": BLOCKS,
    "use_absolute_position_embeddings": BOOLEAN,
    "use_relative_position_embeddings": BOOLEAN,
    "window_size": integer(0, 256),
}
DEFAULTS = {"hidden_size": 384, "layers": 12, "heads": 12, "channels": 768}  # of transformers' two configurations


def vit_matte_options(config: Mapping[str, Any], path: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of the network, and those of its backbone, that a checked config.json gives.

    Parameters
    ----------
    config : mapping
        Content of config.json.
    path : path
        Of config.json, for the messages.

    Returns
    -------
    options, backbone : dict
        Arguments of transformers' `VitMatteConfig` and `VitDetConfig`. The features always are those of the last layer.

    Raises
    ------
    ValueError
        If a key is unknown, a value is refused, or two do not fit each other. It names the file and the key.
    """
    nested = Rule(lambda value: type(value) is dict, "an object")
    rules = {"model_type": choice("vitmatte"), "backbone_config": nested, **USED, **NO_BACKBONE, **IGNORED}
    check_rules(rules, config, path)
    backbone = config.get("backbone_config")
    if backbone is None:
        raise ValueError(f"{path} has no backbone_config, expected that of a vitdet")
    layers = backbone.get("num_hidden_layers", DEFAULTS["layers"])
    inner = {"model_type": choice("vitdet"), **USED_BY_BACKBONE, **_last_layer(layers), **IGNORED}
    check_rules(inner, backbone, path, "backbone_config.")
    _check_together(config, backbone, layers, path)
    options, inside = (
        {key: each_config[key] for key in used if key in each_config}
        for used, each_config in ((USED, config), (USED_BY_BACKBONE, backbone))
    )
    return options, inside | {"out_features": [f"stage{layers}"]}


def _last_layer(layers: Any) -> dict[str, Rule]:
    """Return the rules that choose the features of the last layer, by name and by index."""
    return {"out_features": choice([f"stage{layers}"], None), "out_indices": choice([layers], None)}


def _check_together(config: Mapping[str, Any], backbone: Mapping[str, Any], layers: int, path: object) -> None:
    """Refuse sizes that do not fit each other."""
    channels = backbone.get("hidden_size", DEFAULTS["channels"])
    heads = backbone.get("num_attention_heads", DEFAULTS["heads"])
    if channels % heads:
        raise refused(path, "backbone_config.num_attention_heads", heads, f"a divisor of hidden_size, {channels}")
    if config.get("hidden_size", DEFAULTS["hidden_size"]) != channels:
        raise refused(path, "hidden_size", config.get("hidden_size"), f"that of the backbone, {channels}")
    for key in ("window_block_indices", "residual_block_indices"):
        if any(index >= layers for index in backbone.get(key, ())):
            raise refused(path, f"backbone_config.{key}", backbone[key], f"numbers below {layers}, that of the layers")
    if backbone.get("window_block_indices") and not backbone.get("window_size"):
        raise refused(path, "backbone_config.window_size", backbone.get("window_size", 0), "at least 1 with windows")
