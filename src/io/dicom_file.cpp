#include "dicom_file.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "dicom_nesting.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

/// DCMTK's own log stays silent, because every failure becomes an Error; colours are ours to turn (see
/// dicom_colour.cpp), so that one formula serves every codec.
void prepare_dcmtk() {
  static const bool is_ready = [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs(EDC_never);
    DJLSDecoderRegistration::registerCodecs();
    return true;
  }();
  static_cast<void>(is_ready);
}

/// A file's bytes, for as long as this lives; only the pages that are touched are read.
class MappedFile {
 public:
  explicit MappedFile(const fs::path& path) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      fail("{}: cannot be read: {}", path.string(), std::strerror(errno));
    }
    std::error_code error;
    size_ = fs::file_size(path, error);
    if (!error && size_ > 0) {
      address_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    }
    const int reason = errno;
    close(descriptor);
    if (address_ == MAP_FAILED) {
      fail("{}: cannot be mapped into memory: {}", path.string(), std::strerror(reason));
    }
  }
  ~MappedFile() {
    if (address_ != nullptr && address_ != MAP_FAILED) {
      munmap(address_, size_);
    }
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const {
    return address_ == nullptr ? std::string_view()
                               : std::string_view(static_cast<const char*>(address_), size_);
  }

 private:
  void* address_ = nullptr;
  std::uintmax_t size_ = 0;
};

/// A deflated dataset (PS3.5, A.5), whose size nothing tells: at most 256 MiB are taken.
std::string inflate_dataset(std::string_view packed, const std::string& name) {
  constexpr std::size_t kMostBytes = std::size_t{256} << 20U;
  std::string dataset;
  std::array<char, 1 << 16> piece{};
  z_stream stream{};
  constexpr int kRaw = -MAX_WBITS;  // without a header of zlib's
  if (packed.size() > kMostBytes || inflateInit2(&stream, kRaw) != Z_OK) {
    fail("{}: expected a deflated dataset of at most {} bytes, found {}", name, kMostBytes, packed.size());
  }
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));  // NOLINT: only read
  stream.avail_in = static_cast<uInt>(packed.size());
  int status = Z_OK;
  while (status == Z_OK && dataset.size() <= kMostBytes) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    status = ::inflate(&stream, Z_NO_FLUSH);
    dataset.append(piece.data(), piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) {
    fail("{}: its deflated dataset is corrupt, cut short or unpacks to more than {} bytes", name, kMostBytes);
  }
  return dataset;
}

void check_loaded(const OFCondition& status, const fs::path& path) {
  if (status.bad()) {
    fail("{}: expected a DICOM file, found none that can be read ({})", path.string(), status.text());
  }
}

std::unique_ptr<DcmFileFormat> load_deflated(std::string_view packed, const fs::path& path) {
  std::string dataset = inflate_dataset(packed, path.string());
  check_dicom_nesting(dataset, UID_LittleEndianExplicitTransferSyntax, path.string());
  auto file = std::make_unique<DcmFileFormat>();
  DcmInputBufferStream stream;
  stream.setBuffer(dataset.data(), static_cast<offile_off_t>(dataset.size()));
  stream.setEos();
  file->getDataset()->transferInit();
  const OFCondition status = file->getDataset()->read(stream, EXS_LittleEndianExplicit);
  file->getDataset()->transferEnd();
  check_loaded(status, path);
  return file;
}

}  // namespace

std::unique_ptr<DcmFileFormat> open_dicom(const fs::path& path) {
  prepare_dcmtk();
  if (!is_file(path)) {
    fail("{}: no such file", path.string());
  }
  const MappedFile mapped(path);
  const DicomPreamble preamble = read_dicom_preamble(mapped.bytes());
  const std::string_view dataset = mapped.bytes().substr(preamble.dataset_begin);
  if (preamble.transfer_syntax == UID_DeflatedExplicitVRLittleEndianTransferSyntax) {
    return load_deflated(dataset, path);
  }
  check_dicom_nesting(dataset, preamble.transfer_syntax, path.string());
  auto file = std::make_unique<DcmFileFormat>();
  check_loaded(file->loadFile(path.c_str()), path);
  return file;
}

}  // namespace medisyn
