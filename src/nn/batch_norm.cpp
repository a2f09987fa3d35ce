#include "medisyn/nn/batch_norm.h"

#include <limits>
#include <vector>

#include "cpu_tasks.h"
#include "cpu_tensor.h"
#include "medisyn/nn/cpu_batch_norm_kernel.h"

namespace medisyn {
namespace {

constexpr auto kChannelsLast = torch::MemoryFormat::ChannelsLast;
constexpr std::int64_t kLanes = 16;
constexpr float kRelu6Ceiling = 6;

bool lies_channels_last(const torch::Tensor& x) { return x.is_contiguous(kChannelsLast); }

bool fits(const torch::nn::BatchNorm2dImpl& norm, const torch::Tensor& x, const torch::Tensor& residual) {
  return norm.is_training() && x.dim() == 4 && x.numel() > 0 && has_cpu_kernels(x) && lies_channels_last(x) &&
         norm.weight.scalar_type() == torch::kFloat &&
         (!residual.defined() || (residual.sizes() == x.sizes() && lies_channels_last(residual) &&
                                  residual.scalar_type() == x.scalar_type()));
}

cpu::BatchNormProblem problem_of(const torch::Tensor& x, Activation activation, const torch::Tensor& passed) {
  return {
      .element = element_of(x),
      .rows = x.size(0) * x.size(2) * x.size(3),
      .channels = x.size(1),
      .has_activation = activation != Activation::kNone,
      .ceiling = activation == Activation::kRelu6 ? kRelu6Ceiling : std::numeric_limits<float>::infinity(),
      .x = x.const_data_ptr(),
      .residual = nullptr,
      .gradient = nullptr,
      .out = nullptr,
      .residual_gradient = nullptr,
      .passed = passed.defined() ? static_cast<std::uint16_t*>(passed.mutable_data_ptr()) : nullptr};
}

/// Runs a pass on all threads.
template <class Pass>
void for_each_block(const cpu::BatchNormProblem& problem, Pass pass) {
  for_each_task(cpu::batch_norm_tasks(problem), 1, pass);
}

/// Sums of a pass's blocks, for `join` to put together.
template <class Pass, class Join>
void sum_blocks(const cpu::BatchNormProblem& problem, Pass pass, Join join) {
  const torch::Tensor sums = torch::empty({cpu::batch_norm_sums(problem)}, torch::kFloat);
  auto* values = sums.mutable_data_ptr<float>();
  for_each_block(problem, [&](std::int64_t task) { pass(values, task); });
  join(values);
}

using Channels = std::vector<double>;  // a value a channel

float at(const torch::Tensor& values, std::size_t channel) { return values.const_data_ptr<float>()[channel]; }

/// running += momentum (batch - running), the variance without bias.
void move_running(torch::nn::BatchNorm2dImpl& norm, const Channels& means, const Channels& variances,
                  std::int64_t rows) {
  if (!norm.running_mean.defined()) {
    return;
  }
  norm.num_batches_tracked.add_(1);
  const double share = norm.options.momentum().value_or(
      1.0 / static_cast<double>(std::max<std::int64_t>(norm.num_batches_tracked.item<std::int64_t>(), 1)));
  const double unbiased =
      static_cast<double>(rows) / static_cast<double>(std::max<std::int64_t>(rows - 1, 1));
  const auto move = [&](const torch::Tensor& running, const Channels& batch, double factor) {
    auto* values = running.mutable_data_ptr<float>();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      values[i] =
          static_cast<float>((1 - share) * static_cast<double>(values[i]) + share * batch[i] * factor);
    }
  };
  move(norm.running_mean, means, 1);
  move(norm.running_var, variances, unbiased);
}

/// What backward needs of a forward pass.
struct Saved {
  std::vector<float> means;
  Channels inverse_deviations;
  Activation activation;
};

class BatchNormFunction : public torch::autograd::Function<BatchNormFunction> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, const torch::Tensor& bias,
                               const std::optional<torch::Tensor>& added, torch::nn::BatchNorm2dImpl* norm,
                               Activation activation) {
    const torch::Tensor residual = added.value_or(torch::Tensor());
    const std::int64_t channels = x.size(1);
    const torch::Tensor passed =
        activation == Activation::kNone
            ? torch::Tensor()
            : torch::empty({x.numel() / channels, (channels + kLanes - 1) / kLanes}, torch::kInt16);
    torch::Tensor out = torch::empty_like(x, kChannelsLast);
    cpu::BatchNormProblem problem = problem_of(x, activation, passed);
    problem.residual = residual.defined() ? residual.const_data_ptr() : nullptr;
    problem.out = out.mutable_data_ptr();

    const auto size = static_cast<std::size_t>(channels);
    Channels means(size);
    Channels variances(size);
    sum_blocks(
        problem, [&](float* sums, std::int64_t task) { cpu::take_batch_moments(problem, sums, task); },
        [&](const float* sums) { cpu::join_batch_moments(problem, sums, means.data(), variances.data()); });
    move_running(*norm, means, variances, problem.rows);

    Saved saved{.means = std::vector<float>(means.begin(), means.end()),
                .inverse_deviations = Channels(size),
                .activation = activation};
    std::vector<float> factors(2 * size);
    for (std::size_t i = 0; i < size; ++i) {
      saved.inverse_deviations[i] = 1 / std::sqrt(variances[i] + norm->options.eps());
      const double scale = static_cast<double>(at(weight, i)) * saved.inverse_deviations[i];
      factors[i] = static_cast<float>(scale);
      factors[size + i] = static_cast<float>(static_cast<double>(at(bias, i)) - means[i] * scale);
    }
    for_each_block(problem, [&](std::int64_t task) { cpu::apply_batch_norm(problem, factors.data(), task); });
    keep(*context, x, weight, passed, saved);
    context->saved_data["has_residual"] = residual.defined();
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto tensors = context->get_saved_variables();
    const torch::Tensor& x = tensors[0];
    const torch::Tensor& weight = tensors[1];
    const torch::Tensor& means = tensors[3];
    const torch::Tensor gradient = gradients[0].to(x.scalar_type()).contiguous(kChannelsLast);
    const auto activation = static_cast<Activation>(context->saved_data["activation"].toInt());
    torch::Tensor x_gradient = torch::empty_like(x, kChannelsLast);
    torch::Tensor residual_gradient;
    cpu::BatchNormProblem problem = problem_of(x, activation, tensors[2]);
    problem.gradient = gradient.const_data_ptr();
    problem.out = x_gradient.mutable_data_ptr();
    if (context->saved_data["has_residual"].toBool()) {
      // Without an activation the residual's gradient is the output's own.
      residual_gradient = problem.has_activation ? torch::empty_like(x, kChannelsLast) : gradient;
      problem.residual_gradient = problem.has_activation ? residual_gradient.mutable_data_ptr() : nullptr;
    }

    const auto size = static_cast<std::size_t>(problem.channels);
    Channels plain(size);
    Channels weighted(size);
    sum_blocks(
        problem,
        [&](float* sums, std::int64_t task) {
          cpu::take_gradient_sums(problem, means.const_data_ptr<float>(), sums, task);
        },
        [&](const float* sums) { cpu::join_gradient_sums(problem, sums, plain.data(), weighted.data()); });

    // dx = w s (g - mean(g) - (x - m) s^2 mean(g (x - m))), s the inverse deviation: a g + b x + c.
    const torch::Tensor weight_gradient = torch::empty_like(weight);
    const torch::Tensor bias_gradient = torch::empty_like(weight);
    const auto* inverse = tensors[4].const_data_ptr<double>();
    const auto rows = static_cast<double>(problem.rows);
    std::vector<float> factors(3 * size);
    for (std::size_t i = 0; i < size; ++i) {
      weight_gradient.mutable_data_ptr<float>()[i] = static_cast<float>(weighted[i] * inverse[i]);
      bias_gradient.mutable_data_ptr<float>()[i] = static_cast<float>(plain[i]);
      const double a = static_cast<double>(at(weight, i)) * inverse[i];
      const double b = -a * inverse[i] * inverse[i] * weighted[i] / rows;
      factors[i] = static_cast<float>(a);
      factors[size + i] = static_cast<float>(b);
      factors[2 * size + i] =
          static_cast<float>(-a * plain[i] / rows - b * static_cast<double>(at(means, i)));
    }
    for_each_block(problem,
                   [&](std::int64_t task) { cpu::apply_batch_norm_gradient(problem, factors.data(), task); });
    return {x_gradient, weight_gradient, bias_gradient, residual_gradient, {}, {}};
  }

 private:
  static void keep(torch::autograd::AutogradContext& context, const torch::Tensor& x,
                   const torch::Tensor& weight, const torch::Tensor& passed, const Saved& saved) {
    context.save_for_backward({x, weight, passed, torch::tensor(saved.means),
                               torch::tensor(saved.inverse_deviations, torch::kDouble)});
    context.saved_data["activation"] = static_cast<std::int64_t>(saved.activation);
  }
};

}  // namespace

torch::Tensor activate(const torch::Tensor& x, Activation activation) {
  if (activation == Activation::kNone) {
    return x;
  }
  const bool is_relu = activation == Activation::kRelu;
  if (needs_gradient(x)) {
    return is_relu ? torch::relu(x) : torch::relu6(x);
  }
  torch::Tensor same = x;
  return is_relu ? torch::relu_(same) : torch::relu6_(same);
}

torch::Tensor batch_norm(torch::nn::BatchNorm2dImpl& norm, const torch::Tensor& x, Activation activation,
                         const torch::Tensor& residual) {
  if (fits(norm, x, residual)) {
    return BatchNormFunction::apply(
        x, norm.weight, norm.bias, residual.defined() ? std::optional<torch::Tensor>(residual) : std::nullopt,
        &norm, activation);
  }
  const torch::Tensor normed = norm.forward(x);
  return activate(residual.defined() ? normed + residual : normed, activation);
}

}  // namespace medisyn
