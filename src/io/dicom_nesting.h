// How deep the sequences of a DICOM file lie in one another.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace medisyn {

/// Error naming `name` when sequences lie deeper in one another than any real file's. DCMTK reads a sequence
/// by recursion, and 10,000 levels (350 kB of file) end its stack: so nothing is handed to it unseen.
/// `dataset`: the bytes behind the file's meta header, not deflated; `transfer_syntax`: its UID, "" when
/// there is none.
void check_dicom_nesting(std::string_view dataset, const std::string& transfer_syntax,
                         const std::string& name);

/// Where a file's dataset begins, and the transfer syntax that its meta header names ("" without one).
struct DicomPreamble {
  std::size_t dataset_begin = 0;
  std::string transfer_syntax;
};
DicomPreamble read_dicom_preamble(std::string_view file);

}  // namespace medisyn
