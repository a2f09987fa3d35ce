// The gradients of attention, all in fp32, from what the forward pass kept: the output O and of each query
// the largest product m and the share 1 / sum r. With G the gradient of O, a block of queries meets a block
// of keys at a time (Dao et al., 2022, https://arxiv.org/abs/2205.14135, algorithm 4):
//   S = Q K^T ─ P = 2^(c (S - m)) r ──────────┬─ dV += P^T G
//   G V^T ───── dS = P (G V^T - sum(G O)) ────┼─ dK += dS^T Q
//                                             └─ dQ += dS K
// m and r are kept apart, and not as one logarithm, whose rounding would show in P when scores are large.
// dV and dK are kept turned, [width, keys], so that keys fill the vectors however narrow a head is.
#include "avx512.h"
#include "avx512_multiply.h"
#include "medisyn/nn/cpu_attention_kernel.h"

namespace medisyn::cpu {
namespace {

constexpr Size kBlock = 64;  // queries, and keys: one panel of multiply()
constexpr Size kBlockVectors = kBlock / kLanes;
constexpr Size kRowStep = 8;      // multiply() takes rows by so many
constexpr Size kMostVectors = 5;  // of a panel of dQ

struct Plan {
  explicit Plan(const AttentionProblem& problem)
      : width(problem.width),
        rows(round_up(width, kRowStep)),
        keys(round_up(problem.keys, kBlock)),
        panels(divide_up(width, kMostVectors * kLanes)),
        panel_vectors(divide_up(width, panels * kLanes)),
        columns(panels * panel_vectors * kLanes),
        is_half(panels == 1 && columns - width >= kLanes / 2) {}

  Size width;
  Size rows;           // of what is turned
  Size keys;           // with padding
  Size panels;         // of dQ
  Size panel_vectors;  // of each
  Size columns;        // of dQ, with padding
  bool is_half;
};

/// One thread's room. Keys are those of the whole head, queries those of a block.
struct Room {
  static Size floats(const Plan& plan) {
    return plan.keys * (2 * plan.width + plan.columns + 2 * plan.rows) +
           kBlock * (2 * plan.width + 2 * plan.rows + plan.columns + 2 * kBlock + 3);
  }
  Room(void* scratch, const Plan& plan)
      : keys_turned(static_cast<float*>(scratch)),
        values_turned(keys_turned + plan.keys * plan.width),
        keys(values_turned + plan.keys * plan.width),
        key_gradient(keys + plan.keys * plan.columns),
        value_gradient(key_gradient + plan.keys * plan.rows),
        queries(value_gradient + plan.keys * plan.rows),
        gradient(queries + kBlock * plan.width),
        queries_turned(gradient + kBlock * plan.width),
        gradient_turned(queries_turned + kBlock * plan.rows),
        query_gradient(gradient_turned + kBlock * plan.rows),
        weights(query_gradient + kBlock * plan.columns),
        slopes(weights + kBlock * kBlock),
        largest(slopes + kBlock * kBlock),
        shares(largest + kBlock),
        products(shares + kBlock) {}

  float* keys_turned;      // [block of keys][width][kBlock]
  float* values_turned;    // the same of V
  float* keys;             // [panel][keys][16 panel_vectors]
  float* key_gradient;     // [rows, keys]
  float* value_gradient;   // [rows, keys]
  float* queries;          // [kBlock, width]
  float* gradient;         // [kBlock, width], G
  float* queries_turned;   // [rows, kBlock]
  float* gradient_turned;  // [rows, kBlock]
  float* query_gradient;   // [kBlock, columns]
  float* weights;          // [kBlock, kBlock], S and then P
  float* slopes;           // [kBlock, kBlock], G V^T and then dS
  float* largest;          // [kBlock], m
  float* shares;           // [kBlock], r
  float* products;         // [kBlock], sum(G O)
};

void zero(float* to, Size count) { __builtin_memset(to, 0, sizeof(float) * static_cast<std::size_t>(count)); }

__mmask16 mask_of(Size left) { return static_cast<__mmask16>(left >= kLanes ? 0xFFFF : (1 << left) - 1); }

/// [width] -> floats
template <class Type>
void copy_row(const Type* from, Size width, float* to) {
  for (Size i = 0; i < width; i += kLanes) {
    const __mmask16 mask = mask_of(width - i);
    _mm512_mask_storeu_ps(to + i, mask, read(from + i, mask));
  }
}

/// [width, ...] at a column, `stride` floats from one row to the next -> [width]
template <class Type>
void write_column(const float* column, Size stride, Size width, float scale, Type* to) {
  const __m512i steps =
      _mm512_mullo_epi32(_mm512_set1_epi32(static_cast<int>(stride)),
                         _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  for (Size i = 0; i < width; i += kLanes) {
    const __mmask16 mask = mask_of(width - i);
    const __m512 found =
        _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, steps, column + i * stride, sizeof(float));
    write(to + i, _mm512_mul_ps(found, _mm512_set1_ps(scale)), mask);
  }
}

void turn(const float* row, Size width, float* column, Size stride) {
  for (Size i = 0; i < width; ++i) {
    column[i * stride] = row[i];
  }
}

/// One head's part of the gradients.
template <class Type>
class Head {
 public:
  Head(const AttentionGradient& gradient, void* scratch, Size head)
      : gradient_(gradient),
        problem_(gradient.problem),
        head_(head),
        plan_(problem_),
        room_(scratch, plan_),
        multiply_keys_(multiply_of<Fp32>(plan_.panel_vectors, plan_.is_half)) {}

  void run() {
    lay_out_keys();
    for (Size first = 0; first < problem_.queries; first += kBlock) {
      lay_out_queries(first);
      for (Size key = 0; key < plan_.keys; key += kBlock) {
        compare(key);
        add_gradients(key);
      }
      write_query_gradient(first);
    }
    for (Size key = 0; key < problem_.keys; ++key) {
      write_column(room_.key_gradient + key, plan_.keys, plan_.width, problem_.scale,
                   place(gradient_.key, gradient_.key_strides, key));
      write_column(room_.value_gradient + key, plan_.keys, plan_.width, 1.0F,
                   place(gradient_.value, gradient_.key_strides, key));
    }
  }

 private:
  Size offset(const HeadStrides& strides, Size token) const {
    return head_ / problem_.heads * strides.image + head_ % problem_.heads * strides.head +
           token * strides.token;
  }
  const Type* place(const void* data, const HeadStrides& strides, Size token) const {
    return static_cast<const Type*>(data) + offset(strides, token);
  }
  Type* place(void* data, const HeadStrides& strides, Size token) const {
    return static_cast<Type*>(data) + offset(strides, token);
  }

  /// Zeros where there is no key, and no gradient yet.
  void lay_out_keys() {
    zero(room_.keys_turned, plan_.keys * (2 * plan_.width + plan_.columns + 2 * plan_.rows));
    const Size panel_columns = plan_.panel_vectors * kLanes;
    for (Size key = 0; key < problem_.keys; ++key) {
      const Size turned = key / kBlock * kBlock * plan_.width + key % kBlock;
      copy_row(place(problem_.value, problem_.value_strides, key), plan_.width, room_.slopes);
      turn(room_.slopes, plan_.width, room_.values_turned + turned, kBlock);
      copy_row(place(problem_.key, problem_.key_strides, key), plan_.width, room_.slopes);
      turn(room_.slopes, plan_.width, room_.keys_turned + turned, kBlock);
      for (Size panel = 0; panel < plan_.panels; ++panel) {
        copy_row(room_.slopes + panel * panel_columns,
                 smaller(panel_columns, plan_.width - panel * panel_columns),
                 room_.keys + (panel * plan_.keys + key) * panel_columns);
      }
    }
  }

  void lay_out_queries(Size first) {
    zero(room_.queries, kBlock * (2 * plan_.width + 2 * plan_.rows + plan_.columns));
    for (Size i = 0; i < kBlock; ++i) {
      const bool is_query = first + i < problem_.queries;
      const float* softmax = problem_.softmax + (head_ * problem_.queries + first + i) * 2;
      room_.largest[i] = is_query ? softmax[0] : 0;
      room_.shares[i] = is_query ? softmax[1] : 0;
      room_.products[i] = 0;
      if (!is_query) {
        continue;
      }
      float* query = room_.queries + i * plan_.width;
      float* gradient = room_.gradient + i * plan_.width;
      copy_row(place(problem_.query, problem_.query_strides, first + i), plan_.width, query);
      copy_row(place(gradient_.out, gradient_.out_strides, first + i), plan_.width, gradient);
      turn(query, plan_.width, room_.queries_turned + i, kBlock);
      turn(gradient, plan_.width, room_.gradient_turned + i, kBlock);
      room_.products[i] =
          product(gradient, place(static_cast<const void*>(problem_.out), problem_.out_strides, first + i));
    }
  }

  /// sum(G O) of one query
  float product(const float* gradient, const Type* out) const {
    __m512 sum = _mm512_setzero_ps();
    for (Size i = 0; i < plan_.width; i += kLanes) {
      const __mmask16 mask = mask_of(plan_.width - i);
      sum = _mm512_fmadd_ps(read(gradient + i, mask), read(out + i, mask), sum);
    }
    return _mm512_reduce_add_ps(sum);
  }

  /// P and dS of a block of keys
  void compare(Size key) {
    const Size turned = key * plan_.width;
    multiply<Fp32, kBlockVectors, false>(room_.queries, plan_.width, room_.keys_turned + turned, plan_.width,
                                         room_.weights, kBlock, kBlock, false);
    multiply<Fp32, kBlockVectors, false>(room_.gradient, plan_.width, room_.values_turned + turned,
                                         plan_.width, room_.slopes, kBlock, kBlock, false);
    const __m512 scale = _mm512_set1_ps(problem_.scale * kLog2E);
    for (Size i = 0; i < kBlock; ++i) {
      const __m512 largest = _mm512_set1_ps(room_.largest[i]);
      const __m512 share = _mm512_set1_ps(room_.shares[i]);
      const __m512 product = _mm512_set1_ps(room_.products[i]);
      for (Size k = 0; k < kBlock; k += kLanes) {
        float* weights = room_.weights + i * kBlock + k;
        float* slopes = room_.slopes + i * kBlock + k;
        const Size left = problem_.keys - key - k;
        const __mmask16 are_keys = left > 0 ? mask_of(left) : 0;
        const __m512 below = _mm512_sub_ps(_mm512_loadu_ps(weights), largest);
        const __m512 weight = _mm512_maskz_mul_ps(are_keys, exp2<6>(_mm512_mul_ps(below, scale)), share);
        _mm512_storeu_ps(weights, weight);
        _mm512_storeu_ps(slopes, _mm512_mul_ps(weight, _mm512_sub_ps(_mm512_loadu_ps(slopes), product)));
      }
    }
  }

  void add_gradients(Size key) {
    multiply<Fp32, kBlockVectors, false>(room_.gradient_turned, kBlock, room_.weights, kBlock,
                                         room_.value_gradient + key, plan_.keys, plan_.rows, true);
    multiply<Fp32, kBlockVectors, false>(room_.queries_turned, kBlock, room_.slopes, kBlock,
                                         room_.key_gradient + key, plan_.keys, plan_.rows, true);
    const Size panel_columns = plan_.panel_vectors * kLanes;
    for (Size panel = 0; panel < plan_.panels; ++panel) {
      multiply_keys_(room_.slopes, kBlock, room_.keys + (panel * plan_.keys + key) * panel_columns, kBlock,
                     room_.query_gradient + panel * panel_columns, plan_.columns, kBlock, true);
    }
  }

  void write_query_gradient(Size first) {
    for (Size i = 0; i < smaller(kBlock, problem_.queries - first); ++i) {
      write_column(room_.query_gradient + i * plan_.columns, 1, plan_.width, problem_.scale,
                   place(gradient_.query, gradient_.query_strides, first + i));
    }
  }

  const AttentionGradient& gradient_;
  const AttentionProblem& problem_;
  Size head_;
  Plan plan_;
  Room room_;
  Multiply<Fp32> multiply_keys_;
};

}  // namespace

Size gradient_scratch_bytes(const AttentionProblem& problem) {
  return Room::floats(Plan(problem)) * static_cast<Size>(sizeof(float));
}

void attend_backward(const AttentionGradient& gradient, void* scratch, Size task) {
  with_elements(gradient.problem.element,
                [&]<class Type>(Type) { Head<Type>(gradient, scratch, task).run(); });
}

}  // namespace medisyn::cpu
