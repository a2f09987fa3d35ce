#include "medisyn/io/tar.h"

#include <archive.h>
#include <archive_entry.h>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "utf8_names.h"

namespace medisyn {

struct TarWriter::State {
  explicit State(const fs::path& target)
      : path(target), file(target), archive(archive_write_new(), archive_write_free) {}

  void check(la_ssize_t status) {
    if (status < ARCHIVE_OK) {
      fail("{}: cannot be written: {}", path.string(), archive_error_string(archive.get()));
    }
  }

  fs::path path;
  AtomicFile file;
  std::unique_ptr<struct archive, int (*)(struct archive*)> archive;
};

namespace {

la_ssize_t pass_on(struct archive*, void* file, const void* bytes, std::size_t size) {
  static_cast<AtomicFile*>(file)->write(bytes, size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

TarWriter::TarWriter(fs::path target) : state_(std::make_unique<State>(target)) {
  struct archive* archive = state_->archive.get();
  state_->check(
      archive_write_set_format_pax_restricted(archive));  // plain ustar wherever that can hold the name
  state_->check(archive_write_set_bytes_in_last_block(archive, 1));
  state_->check(archive_write_open(archive, &state_->file, nullptr, pass_on, nullptr));
}

TarWriter::~TarWriter() = default;

std::uint64_t TarWriter::add(const std::string& name, std::string_view bytes) {
  constexpr int kReadable = 0644;
  const Utf8Names names;
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                       archive_entry_free);
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), kReadable);
  archive_entry_set_mtime(entry.get(), 0, 0);
  state_->check(archive_write_header(state_->archive.get(), entry.get()));
  const auto begin = static_cast<std::uint64_t>(archive_filter_bytes(state_->archive.get(), 0));
  state_->check(archive_write_data(state_->archive.get(), bytes.data(), bytes.size()));
  return begin;
}

void TarWriter::commit() {
  state_->check(archive_write_close(state_->archive.get()));
  state_->file.commit();
}

}  // namespace medisyn
