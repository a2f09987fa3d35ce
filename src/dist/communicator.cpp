#include "medisyn/dist/communicator.h"

#include <c10/core/DeviceGuard.h>
#include <c10/util/Logging.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "job_store.h"
#include "medisyn/core/error.h"
#include "medisyn/dist/liveness.h"
#include "medisyn/dist/rendezvous.h"
#include "nccl_backend.h"

namespace medisyn {
namespace {

using BackendType = c10d::ProcessGroup::BackendType;
using BackendPointer = c10::intrusive_ptr<c10d::Backend>;

constexpr std::chrono::seconds kJoinTimeout{120};
constexpr std::int64_t kLauncher = -1;

/// c10d tells of each broken connection in many lines of its own; ours says what they mean.
void quiet_c10d() {
  constexpr int kOnlyFatal = 3;
  if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) {
    FLAGS_caffe2_log_level = kOnlyFatal;
  }
}

/// Gloo writes to a rank that died: that is an error to report, and not a signal that ends this one in
/// silence.
void ignore_broken_pipes() { std::signal(SIGPIPE, SIG_IGN); }

BackendPointer make_gloo_backend(const StorePointer& store, const Rank& rank, const Rendezvous& rendezvous,
                                 std::chrono::milliseconds timeout) {
  using Gloo = c10d::ProcessGroupGloo;
  const bool is_local = rendezvous.is_local() && std::getenv("GLOO_SOCKET_IFNAME") == nullptr;
  auto options = is_local ? Gloo::Options::create(timeout) : Gloo::Options::create_default(timeout);
  if (is_local) {  // whatever this machine's name resolves to
    options->devices.push_back(Gloo::createDeviceForHostname("127.0.0.1"));
  }
  return c10::make_intrusive<Gloo>(store, static_cast<int>(rank.rank), static_cast<int>(rank.world), options);
}

/// Of the slices of all ranks.
std::int64_t equal_part(std::int64_t size, std::int64_t world) {
  constexpr std::int64_t kAligned = 8;
  return size / world / kAligned * kAligned;
}

}  // namespace

struct Communicator::Group {
  Group(const Rank& rank, torch::Device where, std::chrono::milliseconds timeout)
      : device(where), rendezvous(find_rendezvous()), exceptions(std::uncaught_exceptions()) {
    quiet_c10d();
    ignore_broken_pipes();
    const bool serves = rendezvous.is_served_by_first && rank.rank == 0;
    store = join_store(rendezvous, serves, kJoinTimeout);
    liveness.emplace(join_store(rendezvous, false, kJoinTimeout), rank,
                     rendezvous.is_served_by_first ? 0 : kLauncher);
    try {
      liveness->set_phase("joining the job");
      wait_for_everyone(rank);
      connect(rank, timeout);
      liveness->set_phase("starting");
    } catch (const std::exception& error) {
      liveness->fail(first_line_of(error));
      throw;
    }
  }

  ~Group() {
    if (std::uncaught_exceptions() > exceptions) {
      liveness->fail(fmt::format("it ended in: {}", liveness->phase()));
    }
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  void wait_for_everyone(const Rank& rank) {
    const auto missing = liveness->wait_for_everyone(kJoinTimeout);
    if (!missing.empty()) {
      fail("{} {} of {} did not come to {}:{} within {} s", missing.size() == 1 ? "rank" : "ranks",
           fmt::join(missing, ", "), rank.world, rendezvous.host, rendezvous.port, kJoinTimeout.count());
    }
  }

  void connect(const Rank& rank, std::chrono::milliseconds timeout) {
    const auto below = [&](const char* name) { return c10::make_intrusive<c10d::PrefixStore>(name, store); };
    group = c10::make_intrusive<c10d::ProcessGroup>(store, static_cast<int>(rank.rank),
                                                    static_cast<int>(rank.world));
    group->setDefaultBackend(device.is_cuda() ? BackendType::NCCL : BackendType::GLOO);
    group->setBackend(torch::kCPU, BackendType::GLOO,
                      make_gloo_backend(below("gloo"), rank, rendezvous, timeout));
    if (device.is_cuda()) {
      group->setBackend(torch::kCUDA, BackendType::NCCL, make_nccl_backend(below("nccl"), rank, timeout));
      connect_nccl();
    }
  }

  /// NCCL connects in its first collective: what stands in the way is found here and not in the first step.
  void connect_nccl() const {
    const c10::DeviceGuard guard(device);
    std::vector<torch::Tensor> nothing{torch::zeros({1}, device)};
    group->allreduce(nothing)->wait();
    (void)nothing[0].item<float>();
  }

  torch::Device device;
  Rendezvous rendezvous;
  int exceptions;
  StorePointer store;
  c10::intrusive_ptr<c10d::ProcessGroup> group;
  std::optional<Liveness> liveness;  // says goodbye before the connections above are closed
};

Communicator::Communicator() = default;

Communicator::Communicator(const Rank& rank, torch::Device device, std::chrono::seconds timeout)
    : rank_(rank) {
  if (rank.world > 1) {
    group_ = std::make_unique<Group>(rank, device, timeout);
  }
}

Communicator::~Communicator() = default;

template <class Collective>
void Communicator::run(const Collective& collective) {
  const c10::OptionalDeviceGuard guard(group_->device);
  try {
    collective(*group_->group);
  } catch (const std::exception& error) {
    if (is_broken_connection(error)) {
      group_->liveness->end_by_broken_connection(error);
    }
    throw;
  }
}

void Communicator::sum(torch::Tensor& tensor) {
  if (group_ == nullptr || tensor.numel() == 0) {
    return;
  }
  run([&](c10d::ProcessGroup& group) {
    std::vector<torch::Tensor> tensors{tensor.contiguous()};
    group.allreduce(tensors)->wait();
    if (!tensor.is_contiguous()) {
      tensor.copy_(tensors[0]);
    }
  });
}

void Communicator::broadcast(torch::Tensor& tensor, std::int64_t root) {
  if (group_ == nullptr || tensor.numel() == 0) {
    return;
  }
  run([&](c10d::ProcessGroup& group) {
    std::vector<torch::Tensor> tensors{tensor.contiguous()};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    group.broadcast(tensors, options)->wait();
    if (!tensor.is_contiguous()) {
      tensor.copy_(tensors[0]);
    }
  });
}

std::pair<std::int64_t, std::int64_t> Communicator::slice(std::int64_t size) const {
  const std::int64_t part = equal_part(size, world());
  const bool is_last = rank_.rank == world() - 1;
  return {rank_.rank * part, is_last ? size - rank_.rank * part : part};
}

void Communicator::gather_slices(torch::Tensor& flat) {
  if (group_ == nullptr) {
    return;
  }
  TORCH_CHECK(flat.dim() == 1 && flat.is_contiguous(), "gather_slices: expected a contiguous [P]");
  const std::int64_t size = flat.size(0), part = equal_part(size, world());
  if (part > 0) {
    run([&](c10d::ProcessGroup& group) {
      torch::Tensor equal_parts = flat.narrow(0, 0, part * world());
      torch::Tensor own = flat.narrow(0, rank_.rank * part, part);
      group.all_gather_single(equal_parts, own)->wait();
    });
  }
  torch::Tensor rest = flat.narrow(0, part * world(), size - part * world());
  broadcast(rest, world() - 1);
}

std::vector<std::string> Communicator::gather(const std::string& text) {
  torch::Tensor lengths = torch::zeros({world()}, torch::kInt64);
  lengths[rank_.rank] = static_cast<std::int64_t>(text.size());
  sum(lengths);
  const std::int64_t longest = std::max<std::int64_t>(1, lengths.max().item<std::int64_t>());
  torch::Tensor bytes = torch::zeros({world(), longest}, torch::kUInt8);
  std::memcpy(bytes[rank_.rank].data_ptr(), text.data(), text.size());
  sum(bytes);
  std::vector<std::string> texts;
  for (std::int64_t rank = 0; rank < world(); ++rank) {
    texts.emplace_back(static_cast<const char*>(bytes[rank].data_ptr()), lengths[rank].item<std::int64_t>());
  }
  return texts;
}

void Communicator::barrier() {
  torch::Tensor nothing = torch::zeros({1});
  sum(nothing);
}

void Communicator::set_phase(std::string phase) {
  if (group_ != nullptr) {
    group_->liveness->set_phase(std::move(phase));
  }
}

void Communicator::fail_all(const std::string& line) {
  if (group_ != nullptr) {
    group_->liveness->fail(line);
  }
}

void Communicator::fail_all(const std::exception& error) {
  if (group_ != nullptr && is_broken_connection(error)) {
    group_->liveness->end_by_broken_connection(error);
  }
  fail_all(first_line_of(error));
}

c10d::ProcessGroup* Communicator::group() const { return group_ == nullptr ? nullptr : group_->group.get(); }

}  // namespace medisyn
