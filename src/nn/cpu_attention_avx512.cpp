// Attention by tiles with a running softmax: Milakov & Gimelshein, 2018, https://arxiv.org/abs/1805.02867;
// Dao et al., 2022, https://arxiv.org/abs/2205.14135.
//
// A tile of kTileQueries queries meets kTileKeys keys at a time:
//   S = Q K^T [queries, keys] ─ m = max, P = 2^(c (S - m)), c = scale log2(e) ─ O = O 2^(c (m_old - m)) + P V
// Keys and values were laid out for both products by pack_keys_and_values().
#include "medisyn/nn/cpu_attention_kernel.h"

#include "avx512.h"
#include "avx512_multiply.h"

namespace medisyn::cpu {
namespace {

constexpr Size kTileQueries = 64;  // a multiple of 8, as multiply() wants
constexpr Size kTileKeys = 512;    // a multiple of kKeyPanel
constexpr Size kKeyVectors = 4;    // of a panel of keys
constexpr Size kKeyPanel = kKeyVectors * kLanes;
constexpr Size kMostVectors = 5;  // of a panel of values: with 4 rows 20 sums, of 32 registers
constexpr Size kAlignment = 64;

/// How a problem is cut and padded.
template <class T>
struct Plan {
  explicit Plan(const AttentionProblem& problem)
      : depth(round_up(problem.width, T::kStep)),
        keys(round_up(problem.keys, kKeyPanel)),
        panels(divide_up(problem.width, kMostVectors * kLanes)),
        panel_vectors(divide_up(problem.width, panels * kLanes)),
        columns(panels * panel_vectors * kLanes),
        query_tiles(divide_up(problem.queries, kTileQueries)),
        key_blocks(keys / kKeyPanel) {}

  Size head_elements() const { return keys * (depth + columns); }

  Size depth;          // of a score: the width, made even for pairs
  Size keys;           // with padding
  Size panels;         // of values
  Size panel_vectors;  // of each
  Size columns;        // of values, with padding
  Size query_tiles;
  Size key_blocks;
};

/// What is known of the softmax of each row after some keys, and its weighted sum of values.
struct Running {
  float largest[kTileQueries];
  float sum[kTileQueries];
  float* mixed;  // [kTileQueries, columns]
};

/// scores [keys] of one row -> weights; brings what is known of the row up to date.
template <class T>
void update_row(const float* scores, Size keys, float log2_scale, typename T::Type* weights, Size columns,
                Running& running, Size row) {
  constexpr int kDegree = T::kStep == 2 ? 4 : 6;
  __m512 most = _mm512_loadu_ps(scores);
  for (Size key = kLanes; key < keys; key += kLanes) {
    most = _mm512_max_ps(_mm512_loadu_ps(scores + key), most);
  }
  const float before = running.largest[row];
  const float found = _mm512_reduce_max_ps(most);
  const float largest = found > before ? found : before;
  const __m512 scale = _mm512_set1_ps(log2_scale);
  const __m512 top = _mm512_set1_ps(largest);
  __m512 sum = _mm512_setzero_ps();
  for (Size key = 0; key < keys; key += kLanes) {
    const __m512 below = _mm512_sub_ps(_mm512_loadu_ps(scores + key), top);
    const __m512 weight = exp2<kDegree>(_mm512_mul_ps(below, scale));
    sum = _mm512_add_ps(sum, weight);
    write(weights + key, weight);
  }
  const __m512 shrink = exp2<6>(_mm512_set1_ps((before - largest) * log2_scale));
  running.largest[row] = largest;
  running.sum[row] = running.sum[row] * _mm512_cvtss_f32(shrink) + _mm512_reduce_add_ps(sum);
  if (largest != before) {
    float* mixed = running.mixed + row * columns;
    for (Size column = 0; column < columns; column += kLanes) {
      _mm512_storeu_ps(mixed + column, _mm512_mul_ps(_mm512_loadu_ps(mixed + column), shrink));
    }
  }
}

template <class T>
void pack_block(const AttentionProblem& problem, void* packed, Size task) {
  using Type = typename T::Type;
  const Plan<T> plan(problem);
  const Size head = task / plan.key_blocks;
  const Size first = task % plan.key_blocks * kKeyPanel;
  const Size found = smaller(kKeyPanel, problem.keys - first);
  const auto row_of = [&](const void* data, const HeadStrides& strides, Size key) {
    return static_cast<const Type*>(data) + head / problem.heads * strides.image +
           head % problem.heads * strides.head + (first + key) * strides.token;
  };
  Type* to = static_cast<Type*>(packed) + head * plan.head_elements();

  Type* keys = to + first * plan.depth;
  __builtin_memset(keys, 0, sizeof(Type) * kKeyPanel * plan.depth);
  for (Size key = 0; key < found; ++key) {
    const Type* row = row_of(problem.key, problem.key_strides, key);
    for (Size i = 0; i < problem.width; ++i) {
      keys[(i / T::kStep * kKeyPanel + key) * T::kStep + i % T::kStep] = row[i];
    }
  }

  const Size panel_columns = plan.panel_vectors * kLanes;
  for (Size panel = 0; panel < plan.panels; ++panel) {
    Type* values = to + plan.keys * plan.depth + (panel * plan.keys + first) * panel_columns;
    __builtin_memset(values, 0, sizeof(Type) * kKeyPanel * panel_columns);
    const Size columns = smaller(panel_columns, problem.width - panel * panel_columns);
    for (Size key = 0; key < found; ++key) {
      const Type* row = row_of(problem.value, problem.value_strides, key) + panel * panel_columns;
      Type* pairs = values + key / T::kStep * T::kStep * panel_columns + key % T::kStep;
      for (Size i = 0; i < columns; ++i) {
        pairs[i * T::kStep] = row[i];
      }
    }
  }
}

/// One thread's room for a tile.
template <class T>
struct Tile {
  using Type = typename T::Type;
  static Size bytes(const Plan<T>& plan) {
    return query_bytes(plan) + kTileQueries * (kTileKeys * static_cast<Size>(sizeof(float) + sizeof(Type)) +
                                               plan.columns * static_cast<Size>(sizeof(float)));
  }
  static Size query_bytes(const Plan<T>& plan) {
    return round_up(kTileQueries * plan.depth * static_cast<Size>(sizeof(Type)), kAlignment);
  }
  Tile(void* scratch, const Plan<T>& plan)
      : queries(static_cast<Type*>(scratch)),
        scores(reinterpret_cast<float*>(static_cast<char*>(scratch) + query_bytes(plan))),
        mixed(scores + kTileQueries * kTileKeys),
        weights(reinterpret_cast<Type*>(mixed + kTileQueries * plan.columns)) {}

  Type* queries;  // [kTileQueries, depth]
  float* scores;  // [kTileQueries, kTileKeys]
  float* mixed;   // [kTileQueries, columns]
  Type* weights;  // [kTileQueries, kTileKeys]
};

/// Rows and columns that do not exist are zeros.
template <class T>
void copy_queries(const typename T::Type* from, Size token_stride, Size rows, Size width, const Plan<T>& plan,
                  typename T::Type* to) {
  __builtin_memset(to, 0, sizeof(*to) * kTileQueries * plan.depth);
  for (Size row = 0; row < rows; ++row) {
    __builtin_memcpy(to + row * plan.depth, from + row * token_stride, sizeof(*to) * width);
  }
}

template <class T>
void write_rows(const Running& running, Size rows, Size width, Size columns, typename T::Type* out,
                Size token_stride) {
  for (Size row = 0; row < rows; ++row) {
    const __m512 share = _mm512_set1_ps(1 / running.sum[row]);
    for (Size column = 0; column < width; column += kLanes) {
      const Size found = smaller(kLanes, width - column);
      write(out + row * token_stride + column,
            _mm512_mul_ps(_mm512_loadu_ps(running.mixed + row * columns + column), share),
            static_cast<__mmask16>((1U << found) - 1));
    }
  }
}

template <class T>
void mix_tile(const AttentionProblem& problem, const void* packed, void* scratch, Size task) {
  using Type = typename T::Type;
  const Plan<T> plan(problem);
  const Tile<T> tile(scratch, plan);
  const Size head = task / plan.query_tiles;
  const Size first = task % plan.query_tiles * kTileQueries;
  const Size rows = smaller(kTileQueries, problem.queries - first);
  const auto offset = [&](const HeadStrides& strides) {
    return head / problem.heads * strides.image + head % problem.heads * strides.head + first * strides.token;
  };
  copy_queries<T>(static_cast<const Type*>(problem.query) + offset(problem.query_strides),
                  problem.query_strides.token, rows, problem.width, plan, tile.queries);
  const Type* keys = static_cast<const Type*>(packed) + head * plan.head_elements();
  const Type* values = keys + plan.keys * plan.depth;

  constexpr float kInfinity = __builtin_inff();
  Running running;
  running.mixed = tile.mixed;
  __builtin_memset(tile.mixed, 0, sizeof(float) * kTileQueries * plan.columns);
  for (Size row = 0; row < kTileQueries; ++row) {
    running.largest[row] = -kInfinity;
    running.sum[row] = 0;
  }
  const Size panel_columns = plan.panel_vectors * kLanes;
  const bool is_half = plan.panels == 1 && plan.columns - problem.width >= kLanes / 2;
  const Multiply<T> multiply_values = multiply_of<T>(plan.panel_vectors, is_half);
  for (Size start = 0; start < plan.keys; start += kTileKeys) {
    const Size count = smaller(kTileKeys, plan.keys - start);
    for (Size key = 0; key < count; key += kKeyPanel) {
      multiply<T, kKeyVectors, false>(tile.queries, plan.depth, keys + (start + key) * plan.depth,
                                      plan.depth / T::kStep, tile.scores + key, kTileKeys, kTileQueries,
                                      false);
    }
    for (Size row = 0; row < kTileQueries; ++row) {
      float* scores = tile.scores + row * kTileKeys;
      for (Size key = problem.keys - start; key < count; ++key) {
        scores[key] = -kInfinity;  // padding
      }
      update_row<T>(scores, count, problem.scale * kLog2E, tile.weights + row * kTileKeys, plan.columns,
                    running, row);
    }
    for (Size panel = 0; panel < plan.panels; ++panel) {
      multiply_values(tile.weights, kTileKeys, values + (panel * plan.keys + start) * panel_columns,
                      count / T::kStep, tile.mixed + panel * panel_columns, plan.columns, kTileQueries, true);
    }
  }
  write_rows<T>(running, rows, problem.width, plan.columns,
                static_cast<Type*>(problem.out) + offset(problem.out_strides), problem.out_strides.token);
  if (problem.softmax != nullptr) {
    float* softmax = problem.softmax + (head * problem.queries + first) * 2;
    for (Size row = 0; row < rows; ++row) {
      softmax[2 * row] = running.largest[row];
      softmax[2 * row + 1] = 1 / running.sum[row];
    }
  }
}

/// Calls `function` with the arithmetic of the problem's elements.
template <class Function>
auto with_elements(const AttentionProblem& problem, Function function) {
  return problem.element == Element::kFloat ? function(Fp32{}) : function(Bf16{});
}

}  // namespace

bool has_instructions(Element element) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         (element == Element::kFloat || __builtin_cpu_supports("avx512bf16"));
}

Size packed_bytes(const AttentionProblem& problem) {
  return with_elements(problem, [&]<class T>(T) {
    return problem.images * problem.heads * Plan<T>(problem).head_elements() *
           static_cast<Size>(sizeof(typename T::Type));
  });
}

Size pack_tasks(const AttentionProblem& problem) {
  return problem.images * problem.heads * divide_up(problem.keys, kKeyPanel);
}

void pack_keys_and_values(const AttentionProblem& problem, void* packed, Size task) {
  with_elements(problem, [&]<class T>(T) { pack_block<T>(problem, packed, task); });
}

Size scratch_bytes(const AttentionProblem& problem) {
  return with_elements(problem, [&]<class T>(T) { return Tile<T>::bytes(Plan<T>(problem)); });
}

Size attend_tasks(const AttentionProblem& problem) {
  return problem.images * problem.heads * divide_up(problem.queries, kTileQueries);
}

void attend_tile(const AttentionProblem& problem, const void* packed, void* scratch, Size task) {
  with_elements(problem, [&]<class T>(T) { mix_tile<T>(problem, packed, scratch, task); });
}

}  // namespace medisyn::cpu
