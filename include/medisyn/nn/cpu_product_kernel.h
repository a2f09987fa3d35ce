// The inner loops of packed_weight.h on plain pointers: products of channels-last images with packed weights.
// Compiled for AVX-512 like cpu_attention_kernel.h. Every result is the sum of its products in one fixed
// order: it depends neither on the other rows of a batch nor on the number of threads.
#pragma once

#include <cstdint>

#include "medisyn/nn/cpu_attention_kernel.h"

namespace medisyn::cpu {

/// A weight [out, in, taps], laid out in panels of 64 columns (outputs; the last panel has as many as are
/// left, rounded up to 16, with zeros): [panels][taps][in][columns], in bf16 pairs of inputs beside each
/// other, which takes an even `in`.
struct PackedShape {
  Element element;
  std::int64_t taps, in, out;
};
std::int64_t packed_elements(const PackedShape& shape);
std::int64_t panels(const PackedShape& shape);
void pack_panel(const PackedShape& shape, const void* weight, void* packed, std::int64_t panel);

/// Packs [out, in, 3, 3] for the functions on tiles below: `shape` has 16 taps, G g G^T of each filter g.
void pack_winograd_panel(const PackedShape& shape, const void* weight, void* packed, std::int64_t panel);

/// A convolution of images [images, height, width, in]; a linear layer is one of single pixels.
struct ConvProblem {
  PackedShape shape;  ///< of the packed weight
  std::int64_t images, height, width, out_height, out_width;
  std::int64_t kernel, stride, padding;
  const void *x, *packed;
  const void* zeros;  ///< `in` of them, for what lies outside of an image
  const void* bias;   ///< [out], or null
  void* out;          ///< [images, out_height, out_width, out]
};

/// As it is defined: each of convolve_tasks() writes a panel's columns of some pixels.
std::int64_t convolve_tasks(const ConvProblem& problem);
void convolve(const ConvProblem& problem, std::int64_t task);

/// A 3x3 convolution of stride 1 and padding 1 by tiles of 2x2 outputs, F(2x2, 3x3) of Lavin & Gray, Fast
/// Algorithms for Convolutional Neural Networks, 2016, https://arxiv.org/abs/1509.09308: 4 products for each
/// output instead of 9. `in` and `out` are multiples of 16.
struct Tiles {
  std::int64_t first, count;
};
std::int64_t winograd_tiles(const ConvProblem& problem);          ///< of all images
std::int64_t winograd_tiles_at_once(const ConvProblem& problem);  ///< whose intermediate values fit the cache
std::int64_t winograd_bytes(const ConvProblem& problem, std::int64_t tiles);  ///< of `values` for so many

/// 1. For each of the tiles: V = B^T d B of its 4x4 inputs d.
void transform_inputs(const ConvProblem& problem, Tiles tiles, void* values, std::int64_t tile);
/// 2. Each of winograd_tasks(): M = V U for a panel's columns, at one of the 16 places in a tile.
std::int64_t winograd_tasks(const ConvProblem& problem);
void multiply(const ConvProblem& problem, Tiles tiles, void* values, std::int64_t task);
/// 3. For each of the tiles: its 2x2 outputs A^T M A.
void transform_outputs(const ConvProblem& problem, Tiles tiles, const void* values, std::int64_t tile);

}  // namespace medisyn::cpu
