// Stands in for the AVX-512 files on other processors than x86-64: there are no instructions for it, and so
// nothing else is called.
#include "medisyn/nn/cpu_attention_kernel.h"
#include "medisyn/nn/cpu_batch_norm_kernel.h"
#include "medisyn/nn/cpu_elementwise_kernel.h"
#include "medisyn/nn/cpu_plain_product_kernel.h"
#include "medisyn/nn/cpu_product_kernel.h"

namespace medisyn::cpu {

bool has_instructions(Element) { return false; }
std::int64_t packed_bytes(const AttentionProblem&) { return 0; }
std::int64_t pack_tasks(const AttentionProblem&) { return 0; }
void pack_keys_and_values(const AttentionProblem&, void*, std::int64_t) {}
std::int64_t scratch_bytes(const AttentionProblem&) { return 0; }
std::int64_t attend_tasks(const AttentionProblem&) { return 0; }
void attend_tile(const AttentionProblem&, const void*, void*, std::int64_t) {}
std::int64_t gradient_scratch_bytes(const AttentionProblem&) { return 0; }
void attend_backward(const AttentionGradient&, void*, std::int64_t) {}

std::int64_t norm_tasks(const NormProblem&) { return 0; }
std::int64_t moment_floats(const NormProblem&) { return 0; }
void take_moments(const NormProblem&, float*, std::int64_t) {}
void factors_of(const NormProblem&, const float*, float*, std::int64_t) {}
void normalise(const NormProblem&, const float*, std::int64_t) {}
void gate_row(Element, const void*, void*, std::int64_t, std::int64_t) {}

std::int64_t plain_product_tasks(const PlainProduct&) { return 0; }
void multiply_plain(const PlainProduct&, std::int64_t) {}
std::int64_t batch_norm_tasks(const BatchNormProblem&) { return 0; }
std::int64_t batch_norm_sums(const BatchNormProblem&) { return 0; }
void take_batch_moments(const BatchNormProblem&, float*, std::int64_t) {}
void join_batch_moments(const BatchNormProblem&, const float*, double*, double*) {}
void apply_batch_norm(const BatchNormProblem&, const float*, std::int64_t) {}
void take_gradient_sums(const BatchNormProblem&, const float*, float*, std::int64_t) {}
void join_gradient_sums(const BatchNormProblem&, const float*, double*, double*) {}
void apply_batch_norm_gradient(const BatchNormProblem&, const float*, std::int64_t) {}

std::int64_t packed_elements(const PackedShape&) { return 0; }
std::int64_t panels(const PackedShape&) { return 0; }
void pack_panel(const PackedShape&, const void*, void*, std::int64_t) {}
void pack_winograd_panel(const PackedShape&, const void*, void*, std::int64_t) {}
std::int64_t convolve_tasks(const ConvProblem&) { return 0; }
void convolve(const ConvProblem&, std::int64_t) {}
std::int64_t winograd_tiles(const ConvProblem&) { return 0; }
std::int64_t winograd_tiles_at_once(const ConvProblem&) { return 0; }
std::int64_t winograd_bytes(const ConvProblem&, std::int64_t) { return 0; }
void transform_inputs(const ConvProblem&, Tiles, void*, std::int64_t) {}
std::int64_t winograd_tasks(const ConvProblem&) { return 0; }
void multiply(const ConvProblem&, Tiles, void*, std::int64_t) {}
void transform_outputs(const ConvProblem&, Tiles, const void*, std::int64_t) {}

}  // namespace medisyn::cpu
