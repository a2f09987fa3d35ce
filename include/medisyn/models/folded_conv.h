// A convolution with the batch norm behind it in one, for inference: (W x - m) g / s + b = (W g / s) x + (b -
// m g / s).
#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "medisyn/nn/batch_norm.h"
#include "medisyn/nn/packed_weight.h"

namespace medisyn {

/// Weights of a convolution; of all its kind that this program uses, padding included.
struct ConvWeights {
  torch::Tensor weight;  ///< [out, in / groups, rows, columns]
  torch::Tensor bias;    ///< [out]
  std::int64_t stride = 1;
  std::vector<std::int64_t> padding = {0, 0};  ///< rows, columns
  std::int64_t groups = 1;
};

/// Of a convolution without bias and its norm's running statistics, computed in double.
ConvWeights fold(const torch::nn::Conv2dImpl& conv, const torch::nn::BatchNorm2dImpl& norm);

/// Convolutions of one input and geometry as one, their outputs behind each other.
ConvWeights side_by_side(const std::vector<ConvWeights>& convolutions);

/// On a CPU where packing_fits() (nn/packed_weight.h), runs on packed weights: Winograd's method for 3x3 of
/// stride 1, products of windows laid side by side for kernels that are not square. Elsewhere, and with
/// groups, torch's own convolution. Gives no gradients.
class FoldedConv {
 public:
  FoldedConv() = default;
  explicit FoldedConv(ConvWeights weights);

  bool defined() const { return weights_.bias.defined(); }

  /// [B, in, H, W] -> [B, out, H', W'], channels-last; a view where a border was cut off.
  torch::Tensor forward(const torch::Tensor& input) const;

 private:
  torch::Tensor windows(const torch::Tensor& input) const;

  ConvWeights weights_;
  PackedWeight packed_;
  bool is_by_windows_ = false;
  std::int64_t border_ = 0;  ///< rows and columns at each side that Winograd's method gives beyond the output
};

/// A convolution and its norm, which become one when fold() is called. Their parameters are registered by the
/// module that owns both.
class NormedConv {
 public:
  NormedConv() = default;
  NormedConv(torch::nn::Conv2d conv, torch::nn::BatchNorm2d norm)
      : conv_(std::move(conv)), norm_(std::move(norm)) {}

  bool defined() const { return !conv_.is_empty(); }
  const torch::nn::Conv2dImpl& conv() const { return *conv_; }

  /// As both are now.
  ConvWeights weights() const { return medisyn::fold(*conv_, *norm_); }
  void fold();

  /// activation(norm(conv(input)) + residual); in training as nn/batch_norm.h says. `residual` may be
  /// undefined.
  torch::Tensor forward(const torch::Tensor& input, Activation activation = Activation::kNone,
                        const torch::Tensor& residual = {}) const;

 private:
  torch::nn::Conv2d conv_{nullptr};
  torch::nn::BatchNorm2d norm_{nullptr};
  FoldedConv folded_;
};

}  // namespace medisyn
