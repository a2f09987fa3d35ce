// The inner loops of trained_linear.h on plain pointers: products of fp32 matrices that are read where they
// lie. Compiled for AVX-512 like cpu_attention_kernel.h.
#pragma once

#include <cstdint>

namespace medisyn::cpu {

/// out [rows, columns] = left [rows, depth] right [depth, columns]; `columns` is a multiple of 16.
struct PlainProduct {
  std::int64_t rows, columns, depth;
  const float* left;
  std::int64_t left_row, left_step;  ///< floats from one row, and from one column, to the next
  const float* right;
  std::int64_t right_step;  ///< from one row to the next; a row lies in one piece, as one of `out` does
  const float* bias;        ///< [columns], or null
  float* out;
  std::int64_t out_row;
};

/// Each task writes a few columns of some rows. Every result is summed in one fixed order.
std::int64_t plain_product_tasks(const PlainProduct& product);
void multiply_plain(const PlainProduct& product, std::int64_t task);

}  // namespace medisyn::cpu
