"""The public names of `hybridmatte.networks` for type checkers; at run time each loads its module on first use."""

from hybridmatte.networks.checkpoint import load_network as load_network
from hybridmatte.networks.export import export_onnx as export_onnx
from hybridmatte.networks.fusion_network import SolverFusion as SolverFusion
from hybridmatte.networks.guided_attention import MattingGCA as MattingGCA
from hybridmatte.networks.guided_attention import gca as gca
from hybridmatte.networks.joint_inference import JointInference as JointInference
from hybridmatte.networks.joint_inference import fuse as fuse
from hybridmatte.networks.labels import blend_labels as blend_labels
from hybridmatte.networks.labels import predict_labels as predict_labels
from hybridmatte.networks.matte_former import MattingFormer as MattingFormer
from hybridmatte.networks.matte_former import matteformer as matteformer
from hybridmatte.networks.mod_net import MattingMOD as MattingMOD
from hybridmatte.networks.mod_net import modnet as modnet
from hybridmatte.networks.network import MattingNetwork as MattingNetwork
from hybridmatte.networks.nonlocal_matting import MattingNonlocal as MattingNonlocal
from hybridmatte.networks.nonlocal_matting import NonlocalAttention as NonlocalAttention
from hybridmatte.networks.nonlocal_matting import net_m as net_m
from hybridmatte.networks.prediction import predict_alpha as predict_alpha
from hybridmatte.networks.speed import measure_speed as measure_speed
from hybridmatte.networks.transfer import load_parts as load_parts
from hybridmatte.networks.trimap_network import TrimapNetwork as TrimapNetwork
from hybridmatte.networks.trimap_network import net_t as net_t
from hybridmatte.networks.u_net import MattingUNet as MattingUNet
from hybridmatte.networks.u_net import unet as unet
from hybridmatte.networks.vit_matte import MattingViT as MattingViT
from hybridmatte.networks.vit_matte import vitmatte as vitmatte
