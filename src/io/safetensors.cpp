#include "medisyn/io/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <mutex>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "safetensors_header.h"

namespace medisyn {
namespace {

constexpr std::uint64_t kPrefix = 8;                   // bytes of the header's length
constexpr std::uint64_t kLongestHeader = 100'000'000;  // as the reference's reader
constexpr std::size_t kAlignment = 64;                 // of the data in a file that we write

struct Mapping {
  std::shared_ptr<void> bytes;
  std::uint64_t size = 0;
};

/// Where files are mapped now.
class MappedRanges {
 public:
  void add(void* begin, std::uint64_t size) {
    const std::scoped_lock lock(mutex_);
    sizes_[reinterpret_cast<std::uintptr_t>(begin)] = size;
  }
  void remove(void* begin) {
    const std::scoped_lock lock(mutex_);
    sizes_.erase(reinterpret_cast<std::uintptr_t>(begin));
  }
  bool contain(const void* begin, std::uint64_t size) {
    const std::scoped_lock lock(mutex_);
    const auto address = reinterpret_cast<std::uintptr_t>(begin);
    const auto after = sizes_.upper_bound(address);
    return after != sizes_.begin() && address + size <= std::prev(after)->first + std::prev(after)->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::uintptr_t, std::uint64_t> sizes_;  ///< by their first byte
};

MappedRanges& mapped_ranges() {
  static MappedRanges ranges;
  return ranges;
}

/// Maps a file privately: writing into the memory never reaches the file.
Mapping map_file(const fs::path& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    fail("{}: cannot be read: {}", path.string(), std::strerror(errno));
  }
  struct stat status {};
  const bool is_file = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (!is_file || size < kPrefix) {
    close(descriptor);
    fail("{}: not a safetensors file: {}", path.string(),
         is_file ? fmt::format("it has only {} bytes", size) : "it is no regular file");
  }
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0);
  const int error = errno;
  close(descriptor);
  if (address == MAP_FAILED) {
    fail("{}: cannot be mapped into memory: {}", path.string(), std::strerror(error));
  }
  mapped_ranges().add(address, size);
  const auto unmap = [size](void* mapped) {
    mapped_ranges().remove(mapped);
    munmap(mapped, size);
  };
  return {std::shared_ptr<void>(address, unmap), size};
}

/// Lets go of the memory behind the pages that lie wholly inside these bytes; touched again, they are read
/// again from the file.
void release_pages(void* bytes, std::uint64_t size) {
  static const auto kPage = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<std::uintptr_t>(bytes);
  const std::uintptr_t begin = (start + kPage - 1) / kPage * kPage, end = (start + size) / kPage * kPage;
  if (begin < end) {
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
}

/// torch takes a boolean for 0 or 1 without looking.
void check_booleans(const fs::path& path, const std::string& name, const char* begin, const char* end) {
  if (std::any_of(begin, end, [](char byte) { return byte != 0 && byte != 1; })) {
    fail("{}: tensor {}: a boolean is neither 0 nor 1", path.string(), printable(name));
  }
}

/// Names in the order of their bytes in the file: wide elements first, so that all stay aligned, then by
/// name.
std::vector<std::string> order_of(const TensorMap& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    names.push_back(name);
  }
  std::stable_sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return tensors.at(a).element_size() > tensors.at(b).element_size();
  });
  return names;
}

std::string make_header(const TensorMap& tensors, const std::vector<std::string>& order,
                        const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) {
    header["__metadata__"] = metadata;
  }
  std::uint64_t offset = 0;
  for (const std::string& name : order) {
    TORCH_CHECK(name != "__metadata__", "__metadata__ is not a name for a tensor");
    const torch::Tensor& tensor = tensors.at(name);
    const std::uint64_t end = offset + static_cast<std::uint64_t>(tensor.numel()) * tensor.element_size();
    header[name] = {{"dtype", safetensors_dtype(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((kAlignment - (kPrefix + text.size()) % kAlignment) % kAlignment, ' ');
  return text;
}

}  // namespace

Safetensors::Safetensors(const fs::path& path) : path_(path) {
  const Mapping mapping = map_file(path);
  const auto* bytes = static_cast<const char*>(mapping.bytes.get());
  std::uint64_t length = 0;
  std::memcpy(&length, bytes, kPrefix);
  if (length > kLongestHeader || length > mapping.size - kPrefix) {
    fail("{}: not a safetensors file or cut short: it claims a header of {} bytes and has {} bytes in all",
         path.string(), length, mapping.size);
  }
  const std::uint64_t data = kPrefix + length;
  SafetensorsHeader header =
      parse_safetensors_header(std::string_view(bytes + kPrefix, length), mapping.size - data, path.string());
  for (auto& [name, entry] : header.entries) {
    entry.begin += data;
    entry.end += data;
  }
  mapping_ = mapping.bytes;
  entries_ = std::move(header.entries);
  metadata_ = std::move(header.metadata);
}

std::vector<std::string> Safetensors::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) {
    names.push_back(name);
  }
  return names;
}

const SafetensorsEntry& Safetensors::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    fail("{}: no tensor {} in this file", path_.string(), printable(name));
  }
  return found->second;
}

torch::Tensor Safetensors::tensor(const std::string& name) const {
  const SafetensorsEntry& found = entry(name);
  char* begin = static_cast<char*>(mapping_.get()) + found.begin;
  if (found.dtype == torch::kBool) {
    check_booleans(path_, name, begin, begin + (found.end - found.begin));
  }
  if (reinterpret_cast<std::uintptr_t>(begin) % c10::elementSize(found.dtype) != 0) {
    const torch::Tensor copy = torch::empty(found.shape, found.dtype);
    std::memcpy(copy.mutable_data_ptr(), begin, found.end - found.begin);
    return copy;
  }
  const std::uint64_t size = found.end - found.begin;
  return torch::from_blob(
      begin, found.shape, [keep = mapping_, size](void* bytes) { release_pages(bytes, size); }, found.dtype);
}

void release_mapped(const torch::Tensor& tensor) {
  if (tensor.is_cpu() && tensor.is_contiguous() &&
      mapped_ranges().contain(tensor.const_data_ptr(), tensor.nbytes())) {
    release_pages(const_cast<void*>(tensor.const_data_ptr()),
                  tensor.nbytes());  // NOLINT: madvise takes void*
  }
}

TensorMap Safetensors::all() const {
  TensorMap tensors;
  for (const auto& [name, found] : entries_) {
    tensors[name] = tensor(name);
  }
  return tensors;
}

void write_safetensors(const fs::path& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::vector<std::string> order = order_of(tensors);
  const std::string header = make_header(tensors, order, metadata);
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.write(&length, kPrefix);
  file.write(header);
  for (const std::string& name : order) {
    const torch::Tensor bytes = tensors.at(name).detach().cpu().contiguous();
    file.write(bytes.const_data_ptr(), bytes.nbytes());
  }
  file.commit();
}

}  // namespace medisyn
