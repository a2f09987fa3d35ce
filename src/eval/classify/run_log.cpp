#include "medisyn/eval/classify/run_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

/// A file that is open and locked, until it is closed.
class LockedFile {
 public:
  explicit LockedFile(const fs::path& path)
      : path_(path), descriptor_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    require(descriptor_ >= 0 && flock(descriptor_, LOCK_EX) == 0);
  }
  ~LockedFile() { close(descriptor_); }
  LockedFile(const LockedFile&) = delete;
  LockedFile& operator=(const LockedFile&) = delete;

  void require(bool is_good) const {
    if (!is_good) {
      fail("{}: cannot be written: {}", path_.string(), std::system_category().message(errno));
    }
  }

  /// Where the last whole line ends.
  off_t end_of_lines() const {
    off_t end = lseek(descriptor_, 0, SEEK_END);
    char last = 0;
    while (end > 0 && pread(descriptor_, &last, 1, end - 1) == 1 && last != '\n') {
      --end;
    }
    return end;
  }

  void write_at(off_t begin, const std::string& bytes) const {
    require(ftruncate(descriptor_, begin) == 0);
    const ssize_t written = pwrite(descriptor_, bytes.data(), bytes.size(), begin);
    require(written == std::ssize(bytes) && fsync(descriptor_) == 0);
  }

 private:
  fs::path path_;
  int descriptor_;
};

}  // namespace

RunLog read_run_log(const fs::path& file) {
  RunLog log;
  if (!is_file(file)) {
    return log;
  }
  const std::string bytes = read_file(file);
  std::size_t begin = 0;
  for (int line = 1; begin < bytes.size(); ++line) {
    const std::size_t end = bytes.find('\n', begin);
    if (end == std::string::npos) {
      log.is_torn = true;
      break;
    }
    if (end > begin) {
      const std::string where = fmt::format("{}:{}", file.string(), line);
      log.lines.push_back({line, parse_json(std::string_view(bytes).substr(begin, end - begin), where)});
    }
    begin = end + 1;
  }
  return log;
}

void append_run(const fs::path& file, const Json& run) {
  const LockedFile locked(file);
  locked.write_at(locked.end_of_lines(), run.dump() + "\n");
}

}  // namespace medisyn
