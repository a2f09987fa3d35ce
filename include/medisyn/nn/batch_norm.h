// Batch norm in training, with what comes behind it in a convolutional network in the same pass.
#pragma once

#include <torch/nn.h>

namespace medisyn {

enum class Activation { kNone, kRelu, kRelu6 };

/// In place where no gradient is to come.
torch::Tensor activate(const torch::Tensor& x, Activation activation);

/// activation(norm(x) + residual): [B, C, H, W] -> [B, C, H, W]. `residual` may be undefined. In training the
/// batch's own moments are taken and the running ones moved, as torch::nn::BatchNorm2d does.
///
/// On a CPU with AVX-512, in training, of fp32 or bf16 images that lie channels-last: three passes over the
/// values forward and five backward, where torch's separate functions take six and eight or more. Keeps x
/// for the gradient, and a bit a value for the activation. Sums are taken by blocks in fp32 and over blocks
/// in fp64: the same for any number of threads. Elsewhere torch's own functions.
torch::Tensor batch_norm(torch::nn::BatchNorm2dImpl& norm, const torch::Tensor& x, Activation activation,
                         const torch::Tensor& residual = {});

}  // namespace medisyn
