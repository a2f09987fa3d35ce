// Ranks on CPUs: what they say to each other.
#include "medisyn/dist/communicator.h"

#include <gmock/gmock.h>
#include <torch/cuda.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "../peers.h"
#include "jobs.h"
#include "medisyn/dist/cuda.h"

namespace medisyn {
namespace {

void check_sums(Communicator& communicator, torch::Device device = torch::kCPU) {
  const std::int64_t world = communicator.world(), rank = communicator.rank().rank;
  const double of_ranks = static_cast<double>(world * (world + 1)) / 2;  // 1 + 2 + .. + world
  for (const auto dtype :
       {torch::kFloat32, torch::kFloat64, torch::kInt64, torch::kBFloat16, torch::kFloat16}) {
    torch::Tensor tensor = torch::full({3, 5}, rank + 1, dtype).to(device);
    communicator.sum(tensor);
    EXPECT_TRUE(torch::equal(tensor.cpu(), torch::full({3, 5}, of_ranks, dtype))) << dtype;
  }
  torch::Tensor whole = torch::zeros({4, 6}, device), part = whole.t().slice(0, 1, 3);
  part.fill_(rank + 1);
  communicator.sum(part);
  EXPECT_EQ(whole.sum().item<double>(), of_ranks * 8) << "a view that is not contiguous";
  torch::Tensor nothing = torch::empty({0});
  communicator.sum(nothing);
}

void check_broadcasts(Communicator& communicator, torch::Device device = torch::kCPU) {
  for (const std::int64_t root : {std::int64_t{0}, communicator.world() - 1}) {
    torch::Tensor tensor = torch::arange(10, device) * (communicator.rank().rank + 1);
    communicator.broadcast(tensor, root);
    EXPECT_TRUE(torch::equal(tensor.cpu(), torch::arange(10) * (root + 1)));
  }
}

void check_slices(Communicator& communicator, torch::Device device = torch::kCPU) {
  const std::int64_t world = communicator.world();
  for (const std::int64_t size : {0, 1, 7, 8, 64, 1000, 4099}) {
    const auto [first, count] = communicator.slice(size);
    EXPECT_EQ(first % 8, 0);
    EXPECT_LE(std::abs(count - size / world), 8 * world);
    torch::Tensor flat = torch::full({size}, -1.0, device);
    const torch::Tensor expected = torch::arange(size, torch::kFloat32) * 3;
    flat.slice(0, first, first + count).copy_(expected.slice(0, first, first + count));
    communicator.gather_slices(flat);
    EXPECT_TRUE(torch::equal(flat.cpu(), expected)) << size;
    torch::Tensor counts = torch::tensor(count);
    communicator.sum(counts);
    EXPECT_EQ(counts.item<std::int64_t>(), size);
  }
}

void check_texts(Communicator& communicator) {
  const std::int64_t rank = communicator.rank().rank;
  const auto text_of = [](std::int64_t of) { return std::string(of * 1000, static_cast<char>('a' + of)); };
  const auto texts = communicator.gather(text_of(rank));
  ASSERT_EQ(static_cast<std::int64_t>(texts.size()), communicator.world());
  for (std::int64_t other = 0; other < communicator.world(); ++other) {
    EXPECT_EQ(texts[other], text_of(other));
  }
  EXPECT_EQ(communicator.gather("").back(), "");
}

TEST(Role, DISABLED_Collectives) {
  const TestRank here;
  Communicator communicator(here, torch::kCPU);
  EXPECT_EQ(communicator.is_first(), here.rank == 0);
  check_sums(communicator);
  check_broadcasts(communicator);
  check_slices(communicator);
  check_texts(communicator);
  communicator.barrier();
}

TEST(Communicator, AWorldOfOneLeavesAllAsItIs) {
  Communicator communicator;
  EXPECT_EQ(communicator.world(), 1);
  EXPECT_TRUE(communicator.is_first());
  check_sums(communicator);
  check_broadcasts(communicator);
  check_slices(communicator);
  EXPECT_EQ(communicator.gather("x"), std::vector<std::string>{"x"});
  communicator.barrier();
  communicator.set_phase("loading");
  communicator.fail_all("nobody hears it");
  EXPECT_EQ(communicator.group(), nullptr);
  const Communicator asked_for_one(Rank{}, torch::kCPU);
  EXPECT_EQ(asked_for_one.world(), 1);
}

TEST(Communicator, TwoAndFourRanksShareWhatTheyHave) {
  for (const std::int64_t world : {2, 4}) {
    const JobResult job = run_job("Collectives", world);
    EXPECT_TRUE(job.is_good());
    EXPECT_EQ(job.errors, std::vector<std::string>(world)) << "nothing but results is written";
    EXPECT_LT(job.seconds, 10);
  }
}

TEST(Communicator, RanksEndWellWithoutALauncherAgainAndAgain) {
  for (int time = 0; time < 3; ++time) {
    EXPECT_TRUE(run_job_alone("Collectives", 3, fresh_folder(std::to_string(time))).is_good());
  }
}

/// Rank 0, whose store all need, is done before rank 1 and after rank 2.
TEST(Role, DISABLED_LeaveOneByOne) {
  const TestRank here;
  {
    Communicator communicator(here, torch::kCPU);
    communicator.barrier();
    std::this_thread::sleep_for(std::chrono::milliseconds(here.rank == 1 ? 3000 : 500 * (2 - here.rank)));
  }
  std::_Exit(7 + static_cast<int>(here.rank));
}

TEST(Communicator, ARankThatIsDoneIsNotTakenForDead) {
  const JobResult job = run_job_alone("LeaveOneByOne", 3, fresh_folder());
  for (const std::size_t rank : {0, 1, 2}) {
    EXPECT_EQ(job.ends[rank].exit_code, static_cast<int>(7 + rank));
    EXPECT_EQ(job.errors[rank], "");
  }
}

TEST(Role, DISABLED_WriteToAClosedPipe) {
  const TestRank here;
  Communicator communicator(here, torch::kCPU);
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  close(ends[0]);
  EXPECT_EQ(write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  close(ends[1]);
}

TEST(Communicator, AConnectionThatBrokeIsAnErrorAndNoSignal) {
  EXPECT_TRUE(run_job("WriteToAClosedPipe", 2).is_good());
}

/// On as many GPUs; where there is none, as far as NCCL goes without.
TEST(Role, DISABLED_OnGpus) {
  const TestRank here;
  load_cuda();
  const torch::Device gpu(torch::kCUDA, static_cast<torch::DeviceIndex>(here.local_rank));
  if (torch::cuda::device_count() == 0) {
    try {
      const Communicator communicator(here, gpu);
      ADD_FAILURE() << "NCCL without a GPU";
    } catch (const c10::Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("no GPUs found"));
    }
    return;
  }
  Communicator communicator(here, gpu);
  check_sums(communicator, gpu);
  check_broadcasts(communicator, gpu);
  check_slices(communicator, gpu);
  check_sums(communicator);
  check_texts(communicator);
  communicator.barrier();
}

TEST(Communicator, NcclIsThereForGpusAndGlooBesideIt) {
  load_cuda();
  if (!built_with_cuda() || torch::cuda::device_count() == 1) {
    GTEST_SKIP() << "two GPUs or none are needed, and a build with CUDA";
  }
  EXPECT_TRUE(run_job("OnGpus", 2).is_good());
}

TEST(Communicator, TorchrunServesTheStore) {
  if (peers_python().empty()) {
    GTEST_SKIP() << "no reference libraries: run scripts/setup_peers.sh";
  }
  const auto folder = fresh_folder();
  const auto program = std::filesystem::read_symlink("/proc/self/exe");
  std::string command =
      fmt::format("{}={} '{}' -m torch.distributed.run --standalone --nproc-per-node 2 --no-python '{}'",
                  kJobFolder, folder.string(), peers_python().string(), program.string());
  const auto arguments = role_arguments("Collectives");
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    command += fmt::format(" '{}'", arguments[i]);
  }
  EXPECT_EQ(std::system(fmt::format("{} > '{}/log' 2>&1", command, folder.string()).c_str()), 0)
      << read_file(folder / "log");
}

}  // namespace
}  // namespace medisyn
