#include "medisyn/core/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

std::string reason() { return std::strerror(errno); }

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// Makes a rename or a new file in `folder` survive a power cut.
void sync_folder(const fs::path& folder) {
  const int descriptor = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (descriptor >= 0) {
    fsync(descriptor);
    close(descriptor);
  }
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    std::array<unsigned char, 32> digest{};
    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
    std::string text;
    for (const unsigned char byte : digest) {
      text += fmt::format("{:02x}", byte);
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

void require_file(const fs::path& path, std::string_view expected) {
  std::error_code ignored;
  if (!is_file(path)) {
    fail("{}: expected {}, found {}", path.string(), expected,
         fs::exists(path, ignored) ? "no file" : "nothing");
  }
}

std::string read_file(const fs::path& path) {
  if (is_folder(path)) {
    fail("{}: expected a file, found a folder", path.string());
  }
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream) {
    fail("{}: cannot be read: {}", path.string(), reason());
  }
  const std::streamoff size = stream.tellg();
  std::string bytes(static_cast<std::size_t>(size), '\0');
  stream.seekg(0);
  if (!stream.read(bytes.data(), size)) {
    fail("{}: cannot be read: {}", path.string(), reason());
  }
  return bytes;
}

AtomicFile::AtomicFile(fs::path target, Sync sync)
    : target_(std::move(target)), temporary_(target_), sync_(sync) {
  temporary_ += sync == Sync::kFile ? fmt::format(".tmp{}", getpid()) : ".part";
  descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) {
    fail("{}: cannot be written: {}", target_.string(), reason());
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) {
    close(descriptor_);
    unlink(temporary_.c_str());
  }
}

void AtomicFile::write(const void* bytes, std::size_t size) {
  const char* next = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t written = ::write(descriptor_, next, size);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      fail("{}: cannot be written: {}; nothing was changed there", target_.string(), reason());
    }
    next += written;
    size -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::commit() {
  if (sync_ == Sync::kFile && fsync(descriptor_) != 0) {
    fail("{}: cannot be written: {}; nothing was changed there", target_.string(), reason());
  }
  close(std::exchange(descriptor_, -1));
  if (rename(temporary_.c_str(), target_.c_str()) != 0) {
    const std::string why = reason();
    unlink(temporary_.c_str());
    fail("{}: cannot be written: {}", target_.string(), why);
  }
  if (sync_ == Sync::kFile) {
    sync_folder(target_.parent_path());
  }
}

void require_absent(const fs::path& path) {
  if (fs::exists(path)) {
    fail("{}: is there already: choose another name or remove it", path.string());
  }
}

void write_file(const fs::path& path, std::string_view bytes, Sync sync) {
  AtomicFile file(path, sync);
  file.write(bytes);
  file.commit();
}

void append_line(const fs::path& path, std::string_view line) {
  std::ofstream stream(path, std::ios::binary | std::ios::app);
  stream << line << '\n';
  stream.flush();
  if (!stream) {
    fail("{}: cannot be written: {}", path.string(), reason());
  }
}

TemporaryFolder::TemporaryFolder(const fs::path& target)
    : target_(fs::absolute(target).lexically_normal()), path_(target_.string() + ".part") {
  std::error_code error;
  fs::remove_all(path_, error);
  fs::create_directories(path_, error);
  if (error) {
    fail("{}: cannot be made: {}", path_.string(), error.message());
  }
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void TemporaryFolder::commit() {
  const int descriptor = open(path_.c_str(), O_RDONLY | O_DIRECTORY);
  const bool is_synced = descriptor >= 0 && syncfs(descriptor) == 0;
  if (descriptor >= 0) {
    close(descriptor);
  }
  if (!is_synced) {
    fail("{}: cannot be written to the disk", path_.string());
  }
  if (rename(path_.c_str(), target_.c_str()) != 0) {
    fail("{}: cannot be put in place: {}", target_.string(), reason());
  }
  sync_folder(target_.parent_path());
}

OutputFolder::OutputFolder(fs::path path) : path_(std::move(path)), was_there_(fs::exists(path_)) {
  for (const char* mark : {"result.json", "config.yaml", "metrics.jsonl", "metadata.jsonl"}) {
    if (fs::exists(path_ / mark)) {
      fail("{}: already holds another run ({} is there): choose another --out or remove the folder",
           path_.string(), mark);
    }
  }
  std::error_code error;
  fs::create_directories(path_, error);
  if (error || !fs::is_directory(path_)) {
    fail("{}: cannot be made: {}", path_.string(), error ? error.message() : "a file has this name");
  }
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!was_there_ && fs::is_empty(path_, ignored)) {
    fs::remove(path_, ignored);
  }
}

fs::path find_config(const fs::path& name) {
  for (const fs::path& candidate :
       {name, fs::path("configs") / name, fs::path(MEDISYN_SHARE) / "configs" / name}) {
    if (fs::is_regular_file(candidate)) {
      return candidate;
    }
  }
  fail("{}: no such config, neither here nor in configs/", name.string());
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.hex();
}

std::string sha256_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream || is_folder(path)) {
    fail("{}: cannot be read: {}", path.string(), reason());
  }
  Sha256 hash;
  std::string chunk(1U << 20U, '\0');
  while (stream.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || stream.gcount() > 0) {
    hash.add(std::string_view(chunk).substr(0, static_cast<std::size_t>(stream.gcount())));
  }
  return hash.hex();
}

}  // namespace medisyn
