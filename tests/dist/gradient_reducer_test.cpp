// Gradients of 2 and 4 ranks against those of one process that has the whole batch.
#include "medisyn/dist/gradient_reducer.h"

#include <torch/torch.h>

#include "../expect_error.h"
#include "jobs.h"
#include "medisyn/nn/recompute.h"

namespace medisyn {
namespace {

constexpr std::int64_t kIn = 32, kWidth = 400, kRows = 10;
constexpr double kRounding = 1e-12;  ///< of float64

/// x -> tanh(x A) -> h + tanh(h B + b) -> h + tanh(h C + c) -> h D. The last parameters fill more than one
/// bucket.
struct Model {
  std::vector<torch::Tensor> parameters;
  torch::Tensor gradients;  ///< [P]: every grad() is a view into it

  Model() {
    torch::manual_seed(1);
    const std::vector<std::vector<std::int64_t>> shapes{
        {kWidth, kWidth}, {kWidth, 1}, {kWidth}, {kWidth, kWidth}, {kIn, kWidth}, {kWidth}};  // B D b C A c
    for (const auto& shape : shapes) {
      parameters.push_back((torch::randn(shape, torch::kFloat64) / 20).requires_grad_(true));
    }
    std::int64_t size = 0;
    for (const auto& parameter : parameters) {
      size += parameter.numel();
    }
    gradients = torch::zeros({size}, torch::kFloat64);
    for (std::int64_t offset = 0; auto& parameter : parameters) {
      parameter.mutable_grad() = gradients.narrow(0, offset, parameter.numel()).view(parameter.sizes());
      offset += parameter.numel();
    }
  }

  /// Sum over the rows.
  torch::Tensor loss(const torch::Tensor& x) const {
    const auto block = [](const torch::Tensor& weight, const torch::Tensor& bias) {
      return [=](const torch::Tensor& h, const torch::Tensor& scale) {
        return h + torch::tanh(h.mm(weight) + bias) * scale;
      };
    };
    const torch::Tensor one = torch::ones({}, torch::kFloat64);
    torch::Tensor h = torch::tanh(x.mm(parameters[4]));
    h = recomputed(block(parameters[0], parameters[2]), h, one);
    h = recomputed(block(parameters[3], parameters[5]), h, one);
    return h.mm(parameters[1]).square().sum();
  }

  void step() {
    const torch::NoGradGuard no_graph;
    for (auto& parameter : parameters) {
      parameter -= 0.01 * parameter.grad();
    }
    gradients.zero_();
  }

  bool holds_its_gradients() const {
    return std::all_of(parameters.begin(), parameters.end(),
                       [&](const torch::Tensor& p) { return p.grad().is_alias_of(gradients); });
  }
};

torch::Tensor batch(std::int64_t step) {
  torch::manual_seed(100 + step);
  return torch::randn({kRows, kIn}, torch::kFloat64);
}

/// First row and rows of a rank: shares of different size, of four ranks the last has none.
std::pair<std::int64_t, std::int64_t> share(std::int64_t rank, std::int64_t world) {
  const std::vector<std::int64_t> bounds =
      world == 2 ? std::vector<std::int64_t>{0, 7, 10} : std::vector<std::int64_t>{0, 5, 7, 10, 10};
  return {bounds[rank], bounds[rank + 1] - bounds[rank]};
}

double difference(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

TEST(Role, DISABLED_Reduce) {
  const TestRank here;
  Communicator communicator(here, torch::kCPU);
  Model model, alone;
  GradientReducer reducer(communicator, model.parameters);
  const auto [first, rows] = share(here.rank, here.world);
  for (std::int64_t step = 0; step < 6; ++step) {
    std::optional<RecomputeBlocks> recompute;
    if (step % 2 == 1) {
      recompute.emplace();
    }
    if (rows > 0) {
      reducer.expect_backward();
      const double scale = static_cast<double>(here.world) / kRows;
      (model.loss(batch(step).narrow(0, first, rows)) * scale).backward();
    } else {
      reducer.share_nothing();
    }
    reducer.require_reduced();
    recompute.reset();
    (alone.loss(batch(step)) / kRows).backward();
    EXPECT_LT(difference(model.gradients, alone.gradients), kRounding) << "step " << step;
    EXPECT_TRUE(model.holds_its_gradients());
    model.step();
    alone.step();
  }
}

/// Two micro-batches, of which the first only accumulates.
TEST(Role, DISABLED_Accumulate) {
  const TestRank here;
  Communicator communicator(here, torch::kCPU);
  Model model, alone;
  GradientReducer reducer(communicator, model.parameters);
  const auto [first, rows] = share(here.rank, here.world);
  const double scale = static_cast<double>(here.world) / kRows;
  for (std::int64_t step = 0; step < 3; ++step) {
    const torch::Tensor x = batch(step);
    (model.loss(x.narrow(0, first, 2)) * scale).backward();
    (alone.loss(x.narrow(0, first, 2)) * scale).backward();
    EXPECT_LT(difference(model.gradients, alone.gradients), kRounding) << "nothing is reduced yet";
    alone.gradients.zero_();
    reducer.expect_backward();
    (model.loss(x.narrow(0, first + 2, rows - 2)) * scale).backward();
    reducer.require_reduced();
    (alone.loss(x) / kRows).backward();
    EXPECT_LT(difference(model.gradients, alone.gradients), kRounding) << "step " << step;
    model.step();
    alone.step();
  }
}

void train(Communicator& communicator, Model& model, std::int64_t begin, std::int64_t end) {
  GradientReducer reducer(communicator, model.parameters);
  for (std::int64_t step = begin; step < end; ++step) {
    reducer.expect_backward();
    model.loss(batch(step).narrow(0, 2 * communicator.rank().rank, 2)).backward();
    model.step();
  }
}

TEST(Role, DISABLED_Resume) {
  const TestRank here;
  Communicator communicator(here, torch::kCPU);
  Model unbroken, resumed;
  train(communicator, unbroken, 0, 5);
  train(communicator, resumed, 0, 2);
  train(communicator, resumed, 2, 5);
  for (std::size_t i = 0; i < unbroken.parameters.size(); ++i) {
    EXPECT_TRUE(torch::equal(unbroken.parameters[i], resumed.parameters[i])) << "parameter " << i;
    torch::Tensor of_first = unbroken.parameters[i].detach().clone();
    communicator.broadcast(of_first);
    EXPECT_TRUE(torch::equal(unbroken.parameters[i], of_first)) << "parameter " << i << ": ranks differ";
  }
}

/// A parameter that the loss does not reach.
TEST(Role, DISABLED_Unreached) {
  const TestRank here;
  Communicator communicator(here, torch::kCPU);
  Model model;
  GradientReducer reducer(communicator, model.parameters);
  reducer.expect_backward();
  torch::tanh(batch(0).mm(model.parameters[4])).sum().backward();
  EXPECT_THROW(reducer.require_reduced(), c10::Error);
}

/// The exception comes out of autograd, and not of a collective of the communicator.
TEST(Role, DISABLED_DieInBackward) {
  const TestRank here;
  Communicator communicator(here, torch::kCPU);
  try {
    Model model;
    GradientReducer reducer(communicator, model.parameters);
    communicator.set_phase("step 0: backward");
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    if (here.rank == 1) {
      std::raise(SIGKILL);
    }
    reducer.expect_backward();
    model.loss(batch(0)).backward();
  } catch (const std::exception& error) {
    communicator.fail_all(error);
  }
  std::_Exit(5);
}

TEST(GradientReducer, ARankThatDiesInTheBackwardPassEndsTheOthers) {
  const JobResult job = run_job("DieInBackward", 2);
  EXPECT_EQ(job.ends[0].exit_code, 1);
  EXPECT_EQ(job.errors[0], "error: rank 1 of 2 died in: step 0: backward (signal 9, Killed)\n");
  const JobResult alone = run_job_alone("DieInBackward", 2, fresh_folder("alone"));
  EXPECT_EQ(alone.ends[0].exit_code, 1);
  EXPECT_EQ(alone.errors[0], "error: rank 1 of 2 died in: step 0: backward\n");
}

TEST(GradientReducer, RanksHaveTheGradientsOfTheWholeBatch) {
  for (const std::int64_t world : {2, 4}) {
    EXPECT_TRUE(run_job("Reduce", world).is_good()) << world << " ranks";
  }
}

TEST(GradientReducer, MicroBatchesAreReducedOnce) { EXPECT_TRUE(run_job("Accumulate", 2).is_good()); }

TEST(GradientReducer, AResumedRunHasTheBitsOfAnUnbrokenOne) {
  for (const std::int64_t world : {2, 4}) {
    EXPECT_TRUE(run_job("Resume", world).is_good()) << world << " ranks";
  }
}

TEST(GradientReducer, AParameterWithoutAGradientIsAnError) { EXPECT_TRUE(run_job("Unreached", 2).is_good()); }

TEST(GradientReducer, DoesNothingInAWorldOfOne) {
  Communicator communicator;
  Model model, other;
  GradientReducer reducer(communicator, model.parameters);
  reducer.expect_backward();
  reducer.share_nothing();
  model.loss(batch(0)).backward();
  other.loss(batch(0)).backward();
  reducer.require_reduced();
  EXPECT_TRUE(torch::equal(model.gradients, other.gradients));
}

}  // namespace
}  // namespace medisyn
