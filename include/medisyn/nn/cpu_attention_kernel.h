// The inner loops of cpu_attention.h on plain pointers. Their file is compiled for AVX-512, and so neither it
// nor this header includes anything with inline functions that the rest of the program might come to share.
#pragma once

#include <cstdint>

namespace medisyn::cpu {

enum class Element { kFloat, kBFloat16 };

/// Elements from one image, token and head to the next; the width of a head lies in one piece.
struct HeadStrides {
  std::int64_t image;
  std::int64_t token;
  std::int64_t head;
};

struct AttentionProblem {
  Element element;
  std::int64_t images, heads, queries, keys, width;
  float scale;  ///< of the scores
  const void *query, *key, *value;
  HeadStrides query_strides, key_strides, value_strides;
  void* out;
  HeadStrides out_strides;
  float* softmax;  ///< [images, heads, queries, 2], for the backward pass, or null: the largest of a query's
                   ///< products with keys, m, and 1 / sum exp(scale (product - m))
};

/// Whether this machine has the instructions for such elements.
bool has_instructions(Element element);

/// 1. Each of pack_tasks() lays a block of one head's keys and values out as the products read them.
std::int64_t packed_bytes(const AttentionProblem& problem);
std::int64_t pack_tasks(const AttentionProblem& problem);
void pack_keys_and_values(const AttentionProblem& problem, void* packed, std::int64_t task);

/// 2. Then each of attend_tasks() mixes the values for a tile of one head's queries. Tasks depend on nothing
/// but their own head, so that results are the same in any batch and with any number of threads.
/// `scratch` belongs to one thread.
std::int64_t scratch_bytes(const AttentionProblem& problem);
std::int64_t attend_tasks(const AttentionProblem& problem);
void attend_tile(const AttentionProblem& problem, const void* packed, void* scratch, std::int64_t task);

/// What a loss says of the result, G, and where its gradients go.
struct AttentionGradient {
  AttentionProblem problem;  ///< with `out` and `softmax` as they came out
  const void* out;           ///< G
  void *query, *key, *value;
  HeadStrides out_strides, query_strides, key_strides;  ///< value's are the key's
};

/// Each task, one of images * heads, writes the gradients of one head's queries, keys and values.
std::int64_t gradient_scratch_bytes(const AttentionProblem& problem);
void attend_backward(const AttentionGradient& gradient, void* scratch, std::int64_t task);

}  // namespace medisyn::cpu
