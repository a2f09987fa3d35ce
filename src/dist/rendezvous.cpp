#include "medisyn/dist/rendezvous.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <optional>

#include "job_store.h"
#include "medisyn/core/error.h"
#include "medisyn/core/numbers.h"
#include "medisyn/dist/ranks.h"

namespace medisyn {
namespace {

constexpr const char* kHost = "MASTER_ADDR";
constexpr const char* kPort = "MASTER_PORT";
constexpr const char* kThisMachine = "127.0.0.1";

/// The first of these variables that is set and not empty.
std::optional<std::string> variable(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* text = std::getenv(name);
    if (text != nullptr && *text != '\0') {
      return text;
    }
  }
  return std::nullopt;
}

std::optional<std::uint16_t> port_variable() {
  const auto text = variable({kPort});
  if (!text) {
    return std::nullopt;
  }
  const auto port = parse_number<std::uint16_t>(*text);
  if (!port || *port == 0) {
    fail("{}={}: expected the number of a port, 1 to 65535", kPort, *text);
  }
  return port;
}

/// Below 32768, where Linux begins to hand out ports by itself. FNV-1a spreads neighbouring ids.
std::uint16_t port_of_job(std::string_view id) {
  constexpr std::uint32_t kFirst = 12'000, kCount = 20'000, kBasis = 2'166'136'261U, kPrime = 16'777'619U;
  std::uint32_t hash = kBasis;
  for (const char c : id) {
    hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  }
  return static_cast<std::uint16_t>(kFirst + hash % kCount);
}

std::string require_host(const char* launcher) {
  const auto host = variable({kHost});
  if (!host) {
    fail("{} says no {}: set {} to the machine of rank 0 and {} to a free port there", launcher, kHost, kHost,
         kPort);
  }
  return *host;
}

std::uint16_t require_port(const char* launcher) {
  const auto port = port_variable();
  if (!port) {
    fail("{} says no {}: set it to a free port of the machine of rank 0", launcher, kPort);
  }
  return *port;
}

Rendezvous of_launcher() {
  return {.host = require_host("medisyn --nproc"),
          .port = require_port("medisyn --nproc"),
          .is_served_by_first = false,
          .job = kLaunchedJob};
}

/// torchrun, or a user who sets torch's variables.
Rendezvous of_torchrun() {
  const std::string agent = variable({"TORCHELASTIC_USE_AGENT_STORE"}).value_or("");
  return {.host = require_host("RANK is set, but the environment"),
          .port = require_port("RANK is set, but the environment"),
          .is_served_by_first = agent != "True" && agent != "true" && agent != "1",
          .job = fmt::format("medisyn/{}/{}", variable({"TORCHELASTIC_RUN_ID"}).value_or(""),
                             variable({"TORCHELASTIC_RESTART_COUNT"}).value_or("0"))};
}

Rendezvous of_mpirun() {
  const auto size = variable({"OMPI_COMM_WORLD_SIZE"});
  if (!variable({kHost}) && variable({"OMPI_COMM_WORLD_LOCAL_SIZE"}) != size) {
    fail(
        "mpirun says not where rank 0 of several machines runs: set {} to that machine and {} to a free port "
        "there (mpirun -x {} -x {})",
        kHost, kPort, kHost, kPort);
  }
  const auto id = variable({"PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"});
  return {.host = variable({kHost}).value_or(kThisMachine),
          .port = id && !variable({kPort}) ? port_of_job(*id) : require_port("mpirun"),
          .is_served_by_first = true,
          .job = fmt::format("medisyn/{}", id.value_or(""))};
}

Rendezvous of_slurm() {
  const auto nodes = variable({"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"});
  if (!nodes && !variable({kHost})) {
    fail("SLURM says no SLURM_STEP_NODELIST: set {} to the machine of rank 0 and {} to a free port there",
         kHost, kPort);
  }
  std::string host = variable({kHost}).value_or("");
  if (host.empty()) {
    const std::vector<std::string> hosts = expand_node_list(*nodes);
    host = hosts.size() == 1 ? kThisMachine : hosts.front();
  }
  const auto job = variable({"SLURM_JOB_ID", "SLURM_JOBID"});
  const std::string id =
      job ? fmt::format("{}.{}", *job, variable({"SLURM_STEP_ID"}).value_or("0")) : std::string();
  return {.host = host,
          .port = job && !variable({kPort}) ? port_of_job(id) : require_port("SLURM"),
          .is_served_by_first = true,
          .job = fmt::format("medisyn/{}", id)};
}

/// "7" or "01-03" -> their numbers, as wide as the first is written.
void append_range(std::string_view list, std::string_view range, std::vector<std::string>& numbers) {
  constexpr std::size_t kMostNodes = 100'000;
  const std::string_view first_text = range.substr(0, range.find('-'));
  const std::string_view last_text =
      range.find('-') == range.npos ? first_text : range.substr(range.find('-') + 1);
  const auto first = parse_number<std::uint64_t>(first_text), last = parse_number<std::uint64_t>(last_text);
  if (!first || !last || *last < *first || *last - *first > kMostNodes) {
    fail("SLURM's node list {}: expected a range like 01-03 in brackets, found {}", list, range);
  }
  for (std::uint64_t number = *first; number <= *last; ++number) {
    numbers.push_back(fmt::format("{:0{}}", number, first_text.size()));
  }
}

/// "01-03,7" -> 01, 02, 03, 7.
std::vector<std::string> expand_ranges(std::string_view list, std::string_view ranges) {
  std::vector<std::string> numbers;
  for (std::size_t begin = 0; begin <= ranges.size();) {
    const std::size_t end = std::min(ranges.find(',', begin), ranges.size());
    append_range(list, ranges.substr(begin, end - begin), numbers);
    begin = end + 1;
  }
  return numbers;
}

/// Each of the heads followed by each of the tails.
std::vector<std::string> joined(const std::vector<std::string>& heads,
                                const std::vector<std::string>& tails) {
  std::vector<std::string> result;
  for (const std::string& head : heads) {
    for (const std::string& tail : tails) {
      result.push_back(fmt::format("{}{}", head, tail));
    }
  }
  return result;
}

/// One name between commas: "rack[1-2]n[01-04]" -> its hosts.
std::vector<std::string> expand_name(std::string_view list, std::string_view name) {
  std::vector<std::string> hosts{""};
  while (!name.empty()) {
    const std::size_t open = std::min(name.find('['), name.size());
    hosts = joined(hosts, {std::string(name.substr(0, open))});
    name.remove_prefix(open);
    if (name.empty()) {
      break;
    }
    const std::size_t close = name.find(']');
    if (close == name.npos) {
      fail("SLURM's node list {}: a bracket is not closed", list);
    }
    hosts = joined(hosts, expand_ranges(list, name.substr(1, close - 1)));
    name.remove_prefix(close + 1);
  }
  return hosts;
}

}  // namespace

Rendezvous find_rendezvous() {
  if (is_launched_rank()) {
    return of_launcher();
  }
  if (variable({"RANK"})) {
    return of_torchrun();
  }
  if (variable({"OMPI_COMM_WORLD_RANK"})) {
    return of_mpirun();
  }
  if (variable({"SLURM_PROCID"})) {
    return of_slurm();
  }
  fail("this process is no rank of a job: start several with --nproc, torchrun, srun or mpirun");
}

std::vector<std::string> expand_node_list(std::string_view list) {
  std::vector<std::string> hosts;
  bool is_in_bracket = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    const char c = i < list.size() ? list[i] : ',';
    is_in_bracket = (is_in_bracket || c == '[') && c != ']';
    if (c != ',' || (is_in_bracket && i < list.size())) {
      continue;
    }
    const auto expanded = expand_name(list, list.substr(begin, i - begin));
    if (expanded.front().empty()) {
      fail("SLURM's node list \"{}\": expected names of hosts between commas", list);
    }
    hosts.insert(hosts.end(), expanded.begin(), expanded.end());
    begin = i + 1;
  }
  return hosts;
}

}  // namespace medisyn
