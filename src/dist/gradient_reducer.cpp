#include "medisyn/dist/gradient_reducer.h"

#include <torch/csrc/autograd/autograd.h>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

namespace medisyn {
namespace {

constexpr std::size_t kFirstBucketBytes = c10d::kDefaultFirstBucketBytes;
constexpr std::size_t kBucketBytes = c10d::kDefaultBucketBytesCap;

/// The order in which gradients arrive, roughly.
std::vector<torch::Tensor> last_first(const std::vector<torch::Tensor>& parameters) {
  return {parameters.rbegin(), parameters.rend()};
}

std::vector<std::vector<std::size_t>> buckets_of(const std::vector<torch::Tensor>& parameters) {
  return std::get<0>(c10d::compute_bucket_assignment_by_size(parameters, {kFirstBucketBytes, kBucketBytes}));
}

}  // namespace

class GradientReducer::Reducer : public c10d::Reducer {
 public:
  Reducer(c10::intrusive_ptr<c10d::ProcessGroup> group, const std::vector<torch::Tensor>& parameters)
      : c10d::Reducer(parameters, buckets_of(parameters), std::move(group),
                      /*expect_sparse_gradients=*/std::vector<bool>(parameters.size(), false), kBucketBytes,
                      /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/false, /*param_names=*/{},
                      kFirstBucketBytes, /*skip_all_reduce_unused_params=*/false,
                      /*use_python_reducer=*/false, /*bucket_bytes_cap_list=*/{}) {
    // Left to itself it notes the order of the gradients in every pass until someone rebuilds the buckets by
    // it: 16 bytes a parameter and pass, for ever; and a resumed run would start with other buckets than the
    // run that it resumes. Rebuilt at once by the order of the parameters they are final, and the same.
    push_rebuilt_params_for_all_indices();
    TORCH_CHECK(rebuild_buckets() && !should_rebuild_buckets(), "c10d::Reducer: the buckets are not final");
  }

  bool is_waiting() const { return expect_autograd_hooks_; }
};

GradientReducer::GradientReducer(Communicator& communicator, std::vector<torch::Tensor> parameters)
    : parameters_(std::move(parameters)) {
  if (communicator.world() > 1 && !parameters_.empty()) {
    reducer_ = std::make_unique<Reducer>(
        c10::intrusive_ptr<c10d::ProcessGroup>::reclaim_copy(communicator.group()), last_first(parameters_));
  }
}

GradientReducer::~GradientReducer() = default;

void GradientReducer::expect_backward() {
  if (reducer_ != nullptr) {
    reducer_->prepare_for_backward({});
  }
}

void GradientReducer::share_nothing() {
  if (reducer_ == nullptr) {
    return;
  }
  expect_backward();
  torch::Tensor nothing = torch::zeros({}, parameters_.front().options());
  for (const torch::Tensor& parameter : parameters_) {
    nothing = nothing + parameter.sum().to(nothing.scalar_type()) * 0;
  }
  torch::autograd::backward({nothing}, {});
}

void GradientReducer::require_reduced() const {
  TORCH_CHECK(reducer_ == nullptr || !reducer_->is_waiting(),
              "a backward pass gave no gradient to some of the parameters that all ranks share");
}

}  // namespace medisyn
