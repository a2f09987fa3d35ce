#include "product_tile.h"

namespace medisyn::cpu {
namespace {

constexpr Size kChunkBytes = 256 << 10;  // of inputs that stay in a core's cache while panels pass

template <class Type>
void pack_panel_of(const PackedShape& shape, const Type* weight, Type* packed, Size panel) {
  const Size tap_size = vectors_of(shape, panel) * kLanes * shape.in;
  packed += panel_offset(shape, panel);
  for_each_weight<Type>(shape, panel, [&](Size input, Size column, Size where) {
    const Type* from = weight + (column * shape.in + input) * shape.taps;
    for (Size tap = 0; tap < shape.taps; ++tap) {
      packed[tap * tap_size + where] = column < shape.out ? from[tap] : Type{};
    }
  });
}

Size rows_of(const ConvProblem& problem) { return problem.images * problem.out_height * problem.out_width; }

/// Rows of a task.
Size chunk_rows(const ConvProblem& problem) {
  const Size row_bytes =
      problem.shape.in * static_cast<Size>(problem.shape.element == Element::kFloat ? 4 : 2);
  return smaller(384, round_up(divide_up(kChunkBytes, row_bytes), kRows));
}

/// Of a few outputs one after the other, the pixels that a tap of the kernel meets.
template <class Type>
class Window {
 public:
  Window(const ConvProblem& problem, Size first, Size count)
      : problem_(problem), first_(first), count_(count) {
    for (Size i = 0, row = first; i < count && !is_pointwise(); ++i, ++row) {
      const Size line = row / problem.out_width;
      image_[i] = line / problem.out_height;
      y_[i] = line % problem.out_height * problem.stride - problem.padding;
      x_[i] = row % problem.out_width * problem.stride - problem.padding;
    }
  }

  void rows(Size tap, const Type* (&rows)[kRows]) const {
    const Type* pixels = static_cast<const Type*>(problem_.x);
    for (Size i = 0; i < count_; ++i) {
      if (is_pointwise()) {
        rows[i] = pixels + (first_ + i) * problem_.shape.in;
        continue;
      }
      const Size y = y_[i] + tap / problem_.kernel;
      const Size x = x_[i] + tap % problem_.kernel;
      const bool is_inside = y >= 0 && y < problem_.height && x >= 0 && x < problem_.width;
      rows[i] = is_inside
                    ? pixels + ((image_[i] * problem_.height + y) * problem_.width + x) * problem_.shape.in
                    : static_cast<const Type*>(problem_.zeros);
    }
  }

 private:
  bool is_pointwise() const { return problem_.kernel == 1 && problem_.stride == 1 && problem_.padding == 0; }

  const ConvProblem& problem_;
  Size first_, count_;
  Size image_[kRows], y_[kRows], x_[kRows];
};

template <class Type, int Rows, int Vectors>
void write_sums(const ConvProblem& problem, const __m512 (&sums)[Rows][Vectors], Size first, Size column) {
  for (int vector = 0; vector < Vectors; ++vector, column += kLanes) {
    const Size left = problem.shape.out - column;
    const auto mask = static_cast<__mmask16>(left >= kLanes ? 0xFFFF : (1 << left) - 1);
    const __m512 bias = problem.bias == nullptr ? _mm512_setzero_ps()
                                                : read(static_cast<const Type*>(problem.bias) + column, mask);
    for (int row = 0; row < Rows; ++row) {
      write(static_cast<Type*>(problem.out) + (first + row) * problem.shape.out + column,
            _mm512_add_ps(sums[row][vector], bias), mask);
    }
  }
}

template <class Type, int Rows, int Vectors>
void convolve_rows(const ConvProblem& problem, Size first, Size panel) {
  __m512 sums[Rows][Vectors] = {};
  const Type* columns = static_cast<const Type*>(problem.packed) + panel_offset(problem.shape, panel);
  const Window<Type> window(problem, first, Rows);
  for (Size tap = 0; tap < problem.shape.taps; ++tap) {
    const Type* rows[kRows];
    window.rows(tap, rows);
    accumulate(sums, rows, columns + tap * problem.shape.in * Vectors * kLanes, problem.shape.in);
  }
  write_sums<Type>(problem, sums, first, panel * kVectors * kLanes);
}

}  // namespace

Size packed_elements(const PackedShape& shape) { return round_up(shape.out, kLanes) * shape.taps * shape.in; }

Size panels(const PackedShape& shape) { return divide_up(shape.out, kVectors * kLanes); }

void pack_panel(const PackedShape& shape, const void* weight, void* packed, Size panel) {
  with_elements(shape.element, [&]<class Type>(Type) {
    pack_panel_of(shape, static_cast<const Type*>(weight), static_cast<Type*>(packed), panel);
  });
}

Size convolve_tasks(const ConvProblem& problem) {
  return divide_up(rows_of(problem), chunk_rows(problem)) * panels(problem.shape);
}

void convolve(const ConvProblem& problem, Size task) {
  const Size panel = task % panels(problem.shape);
  const Size begin = task / panels(problem.shape) * chunk_rows(problem);
  const Size end = smaller(rows_of(problem), begin + chunk_rows(problem));
  with_elements(problem.shape.element, [&]<class Type>(Type) {
    with_count<kVectors>(vectors_of(problem.shape, panel), [&]<int Vectors>(Count<Vectors>) {
      for (Size row = begin; row < end; row += kRows) {
        with_count<kRows>(smaller(kRows, end - row), [&]<int Rows>(Count<Rows>) {
          convolve_rows<Type, Rows, Vectors>(problem, row, panel);
        });
      }
    });
  });
}

}  // namespace medisyn::cpu
