// The layers that hold parameters, named and initialised as torch.nn's, whose memory can be left untouched
// when a file is about to be read.
#pragma once

#include <torch/nn.h>

#include <cstdint>

#include "medisyn/nn/packed_weight.h"

namespace medisyn {

/// While one lives, layers made by this thread skip drawing their weights: for a model that is read from a
/// file right away (3 GB of random numbers take seconds, and memory that is never touched costs nothing).
class UninitialisedParameters {
 public:
  UninitialisedParameters();
  ~UninitialisedParameters();
  UninitialisedParameters(const UninitialisedParameters&) = delete;
  UninitialisedParameters& operator=(const UninitialisedParameters&) = delete;
  static bool active();
};

/// y = x W^T + b. [..., in] -> [..., out]. Weights and bias uniform in +-1 / sqrt(in).
class LinearImpl : public torch::nn::Module {
 public:
  LinearImpl(std::int64_t in, std::int64_t out, bool has_bias = true);
  torch::Tensor forward(const torch::Tensor& input) const;
  void pack();  ///< see prepare_for_inference()

  torch::Tensor weight;  ///< [out, in]
  torch::Tensor bias;    ///< [out], undefined without bias

 private:
  PackedWeight packed_;  ///< instead of the weight
};
TORCH_MODULE(Linear);

/// A square convolution; 3x3 of stride 1 that keeps the size unless told otherwise.
struct ConvShape {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t padding = 1;
};

/// [B, in, H, W] -> [B, out, H', W']. Weights and bias uniform in +-1 / sqrt(in * kernel^2).
class Conv2dImpl : public torch::nn::Module {
 public:
  explicit Conv2dImpl(const ConvShape& shape);
  torch::Tensor forward(const torch::Tensor& input) const;
  /// The same of a 1x1 convolution for images as tokens, [B, H*W, in] -> [B, H*W, out].
  torch::Tensor on_tokens(const torch::Tensor& tokens) const;
  void pack();  ///< see prepare_for_inference()

  torch::Tensor weight;  ///< [out, in, kernel, kernel]
  torch::Tensor bias;    ///< [out]

 private:
  PackedWeight packed_;  ///< instead of the weight
  std::int64_t stride_;
  std::int64_t padding_;
};
TORCH_MODULE(Conv2d);

/// Normalises groups of channels (Wu & He, 2018, https://arxiv.org/abs/1803.08494). [B, C, ...] -> same.
/// Ones, zeros.
class GroupNormImpl : public torch::nn::Module {
 public:
  GroupNormImpl(std::int64_t groups, std::int64_t channels, double eps);
  torch::Tensor forward(const torch::Tensor& input) const;
  torch::Tensor with_silu(const torch::Tensor& input) const;  ///< SiLU of forward()

  torch::Tensor weight;  ///< [C]
  torch::Tensor bias;    ///< [C]

 private:
  std::int64_t groups_;
  double eps_;
};
TORCH_MODULE(GroupNorm);

/// Normalises the last dimension. [..., D] -> same. Ones, zeros.
class LayerNormImpl : public torch::nn::Module {
 public:
  LayerNormImpl(std::int64_t width, double eps);
  torch::Tensor forward(const torch::Tensor& input) const;

  torch::Tensor weight;  ///< [D]
  torch::Tensor bias;    ///< [D]

 private:
  double eps_;
};
TORCH_MODULE(LayerNorm);

/// A table of vectors. [...] int64 -> [..., D]. Standard normal. The row of padding_id gets no gradient.
class EmbeddingImpl : public torch::nn::Module {
 public:
  EmbeddingImpl(std::int64_t count, std::int64_t width, std::int64_t padding_id = -1);
  torch::Tensor forward(const torch::Tensor& ids) const;

  torch::Tensor weight;  ///< [count, D]

 private:
  std::int64_t padding_id_;  ///< -1: none
};
TORCH_MODULE(Embedding);

/// own + other, written into `own`, which nobody else holds, when gradients are off.
torch::Tensor add_to(torch::Tensor own, const torch::Tensor& other);

/// For a model that from now on runs forward alone, without gradients: lays the weights out as this device's
/// kernels want them. On a CPU where packing_fits() (packed_weight.h), linear and convolutional layers pack
/// their weights and give up the plain ones, which become meta tensors: shapes without values. Elsewhere
/// four-dimensional weights become channels-last, which convolutions on channels-last images want.
void prepare_for_inference(torch::nn::Module& model);

}  // namespace medisyn
