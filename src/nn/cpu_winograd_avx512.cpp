#include "product_tile.h"

namespace medisyn::cpu {
namespace {

constexpr Size kSide = 4;  // of a tile's inputs; its outputs are 2x2
constexpr Size kPlaces = kSide * kSide;
constexpr Size kCacheBytes = 24 << 20;
constexpr Size kMostTiles = 384;

/// G f of a filter's column f.
void transform_filter_column(const float* from, Size step, float* to) {
  const float ends = from[0] + from[2 * step];
  to[0] = from[0];
  to[1] = (ends + from[step]) / 2;
  to[2] = (ends - from[step]) / 2;
  to[3] = from[2 * step];
}

/// G g G^T
template <class Type>
void transform_filter(const Type* filter, Type* to) {
  alignas(64) float g[kLanes];
  _mm512_store_ps(g, read(filter, (1 << 9) - 1));
  float rows[3][kSide];  // of (G g)^T
  alignas(64) float u[kPlaces];
  for (Size column = 0; column < 3; ++column) {
    transform_filter_column(g + column, 3, rows[column]);
  }
  for (Size row = 0; row < kSide; ++row) {
    transform_filter_column(&rows[0][row], kSide, u + row * kSide);
  }
  write(to, _mm512_load_ps(u));
}

/// A tile's place among the images; outputs begin at (2 y, 2 x).
struct Place {
  Place(const ConvProblem& problem, Size tile) {
    const Size across = divide_up(problem.width, 2);
    const Size down = divide_up(problem.height, 2);
    image = tile / (across * down);
    y = tile / across % down * 2;
    x = tile % across * 2;
  }

  Size pixel(const ConvProblem& problem, Size row, Size column) const {
    return (image * problem.height + y + row) * problem.width + x + column;
  }

  Size image, y, x;
};

struct Four {
  __m512 at[kSide];
};

/// B^T d
Four transform_input(const Four& d) {
  return {{_mm512_sub_ps(d.at[0], d.at[2]), _mm512_add_ps(d.at[1], d.at[2]), _mm512_sub_ps(d.at[2], d.at[1]),
           _mm512_sub_ps(d.at[1], d.at[3])}};
}

Four column_of(const Four (&rows)[kSide], Size column) {
  return {{rows[0].at[column], rows[1].at[column], rows[2].at[column], rows[3].at[column]}};
}

/// The first and the second output of a line of products.
__m512 first_output(const Four& m) { return _mm512_add_ps(m.at[0], _mm512_add_ps(m.at[1], m.at[2])); }
__m512 second_output(const Four& m) { return _mm512_sub_ps(_mm512_sub_ps(m.at[1], m.at[2]), m.at[3]); }

/// V, [16, tiles, in], and behind it M, [16, tiles, out].
template <class Type>
Type* inputs_of(void* values) {
  return static_cast<Type*>(values);
}
Size input_bytes(const ConvProblem& problem, Size tiles) {
  const Size size = problem.shape.element == Element::kFloat ? sizeof(float) : sizeof(std::uint16_t);
  return round_up(kPlaces * tiles * problem.shape.in * size, 64);
}
float* products_of(const ConvProblem& problem, Size tiles, void* values) {
  return reinterpret_cast<float*>(static_cast<char*>(values) + input_bytes(problem, tiles));
}
const float* products_of(const ConvProblem& problem, Size tiles, const void* values) {
  return products_of(problem, tiles, const_cast<void*>(values));
}

template <class Type>
void transform_inputs_of(const ConvProblem& problem, Tiles tiles, Type* to, Size tile) {
  const Size in = problem.shape.in;
  const Place place(problem, tiles.first + tile);
  const Type* pixels[kPlaces];
  for (Size i = 0; i < kPlaces; ++i) {
    const Size y = place.y + i / kSide - 1;
    const Size x = place.x + i % kSide - 1;
    const bool is_inside = y >= 0 && y < problem.height && x >= 0 && x < problem.width;
    pixels[i] = is_inside ? static_cast<const Type*>(problem.x) +
                                place.pixel(problem, i / kSide - 1, i % kSide - 1) * in
                          : static_cast<const Type*>(problem.zeros);
  }
  to += tile * in;
  for (Size channel = 0; channel < in; channel += kLanes) {
    Four columns[kSide];  // of B^T d
    for (Size column = 0; column < kSide; ++column) {
      const auto pixel = [&](Size row) { return read(pixels[row * kSide + column] + channel); };
      columns[column] = transform_input({{pixel(0), pixel(1), pixel(2), pixel(3)}});
    }
    for (Size row = 0; row < kSide; ++row) {
      const Four v = transform_input(column_of(columns, row));
      for (Size column = 0; column < kSide; ++column) {
        write(to + (row * kSide + column) * tiles.count * in + channel, v.at[column]);
      }
    }
  }
}

template <class Type, int Rows, int Vectors>
void multiply_rows(const Type* from, Size in, const Type* panel, float* to, Size out) {
  __m512 sums[Rows][Vectors] = {};
  const Type* rows[kRows];
  for (Size row = 0; row < Rows; ++row) {
    rows[row] = from + row * in;
  }
  accumulate(sums, rows, panel, in);
  for (Size row = 0; row < Rows; ++row) {
    for (Size vector = 0; vector < Vectors; ++vector) {
      write(to + row * out + vector * kLanes, sums[row][vector]);
    }
  }
}

template <class Type, int Vectors>
void multiply_panel(const ConvProblem& problem, Tiles tiles, void* values, Size place, Size panel) {
  const Size in = problem.shape.in;
  const Size out = problem.shape.out;
  const Type* columns = static_cast<const Type*>(problem.packed) + panel_offset(problem.shape, panel) +
                        place * in * Vectors * kLanes;
  const Type* from = inputs_of<Type>(values) + place * tiles.count * in;
  float* to =
      products_of(problem, tiles.count, values) + place * tiles.count * out + panel * kVectors * kLanes;
  for (Size row = 0; row < tiles.count; row += kRows) {
    with_count<kRows>(smaller(kRows, tiles.count - row), [&]<int Rows>(Count<Rows>) {
      multiply_rows<Type, Rows, Vectors>(from + row * in, in, columns, to + row * out, out);
    });
  }
}

template <class Type>
void transform_outputs_of(const ConvProblem& problem, Tiles tiles, const float* products, Size tile) {
  const Size out = problem.shape.out;
  const Place place(problem, tiles.first + tile);
  const auto* bias = static_cast<const Type*>(problem.bias);
  products += tile * out;
  for (Size channel = 0; channel < out; channel += kLanes) {
    const __m512 added = bias == nullptr ? _mm512_setzero_ps() : read(bias + channel);
    Four lines[2];  // of A^T M
    for (Size column = 0; column < kSide; ++column) {
      const auto m = [&](Size row) {
        return read(products + (row * kSide + column) * tiles.count * out + channel);
      };
      const Four line = {{m(0), m(1), m(2), m(3)}};
      lines[0].at[column] = first_output(line);
      lines[1].at[column] = second_output(line);
    }
    for (Size row = 0; row < smaller(2, problem.height - place.y); ++row) {
      Type* to = static_cast<Type*>(problem.out) + place.pixel(problem, row, 0) * out + channel;
      write(to, _mm512_add_ps(first_output(lines[row]), added));
      if (place.x + 1 < problem.width) {
        write(to + out, _mm512_add_ps(second_output(lines[row]), added));
      }
    }
  }
}

}  // namespace

void pack_winograd_panel(const PackedShape& shape, const void* weight, void* packed, Size panel) {
  with_elements(shape.element, [&]<class Type>(Type) {
    alignas(64) Type filter[kPlaces];
    const Size place_size = vectors_of(shape, panel) * kLanes * shape.in;
    Type* to = static_cast<Type*>(packed) + panel_offset(shape, panel);
    for_each_weight<Type>(shape, panel, [&](Size input, Size column, Size where) {
      transform_filter(static_cast<const Type*>(weight) + (column * shape.in + input) * 9, filter);
      for (Size place = 0; place < kPlaces; ++place) {
        to[place * place_size + where] = filter[place];
      }
    });
  });
}

Size winograd_tiles(const ConvProblem& problem) {
  return problem.images * divide_up(problem.height, 2) * divide_up(problem.width, 2);
}

Size winograd_bytes(const ConvProblem& problem, Size tiles) {
  return input_bytes(problem, tiles) + kPlaces * tiles * problem.shape.out * static_cast<Size>(sizeof(float));
}

Size winograd_tiles_at_once(const ConvProblem& problem) {
  const Size all = winograd_tiles(problem);
  const Size most = smaller(kMostTiles, round_up(kCacheBytes / winograd_bytes(problem, 1) + 1, kRows));
  return round_up(divide_up(all, divide_up(all, most)), kRows);
}

void transform_inputs(const ConvProblem& problem, Tiles tiles, void* values, Size tile) {
  with_elements(problem.shape.element, [&]<class Type>(Type) {
    transform_inputs_of(problem, tiles, inputs_of<Type>(values), tile);
  });
}

Size winograd_tasks(const ConvProblem& problem) { return kPlaces * panels(problem.shape); }

void multiply(const ConvProblem& problem, Tiles tiles, void* values, Size task) {
  const Size panel = task % panels(problem.shape);
  const Size place = task / panels(problem.shape);
  with_elements(problem.shape.element, [&]<class Type>(Type) {
    with_count<kVectors>(vectors_of(problem.shape, panel), [&]<int Vectors>(Count<Vectors>) {
      multiply_panel<Type, Vectors>(problem, tiles, values, place, panel);
    });
  });
}

void transform_outputs(const ConvProblem& problem, Tiles tiles, const void* values, Size tile) {
  with_elements(problem.shape.element, [&]<class Type>(Type) {
    transform_outputs_of<Type>(problem, tiles, products_of(problem, tiles.count, values), tile);
  });
}

}  // namespace medisyn::cpu
