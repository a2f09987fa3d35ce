// WebDataset shards: tar files in which the files of a sample stand together under one name.
//
//   NAME.png (or .jpg)   the image
//   NAME.json            its row of the manifest
//   NAME.txt             its caption
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "medisyn/data/manifest.h"
#include "medisyn/io/tar.h"

namespace medisyn {

/// "a/b.left.png" -> "a/b": all that a sample's members share, up to the first dot of the last part, as
/// WebDataset cuts it. A view of `member`.
std::string_view sample_name(std::string_view member);

/// "train-00007.tar" of prefix "train-".
std::string shard_name(std::string_view prefix, std::int64_t number);

/// Adds a sample whose image is called `file_name` ("NAME.png") and whose row is one line of JSON. Gives back
/// where the image's bytes begin in the tar file.
std::uint64_t add_sample(TarWriter& shard, const std::string& file_name, std::string_view image,
                         std::string_view row, std::string_view text);

/// The images of a tar file in its order, as records whose file_name is ARCHIVE/MEMBER below `root`. A
/// sample's NAME.txt is the caption; a NAME.json that has the key file_name is taken for a manifest's row,
/// other ones give a caption at most ("text" or "caption", where there is no .txt). Error as TarIndex and
/// record_from_json() give it, and for a .json or .txt of more than a megabyte.
std::vector<Record> list_shard(const std::filesystem::path& root, const std::filesystem::path& archive);

}  // namespace medisyn
