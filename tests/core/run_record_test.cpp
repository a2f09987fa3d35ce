#include "medisyn/core/run_record.h"

#include <gtest/gtest.h>

#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

TEST(RunRecord, WritesTheContract) {
  const fs::path folder = fresh_folder();
  write_file(folder / "in.txt", "abc");
  RunRecord record("medisyn eval fid");
  record.config = {{"scales", 3}};
  record.metrics["fid"] = 1.5;
  record.add_input(folder / "in.txt");
  record.write(folder);
  const Json json = Json::parse(read_file(folder / "result.json"));
  EXPECT_EQ(json["schema"], "medisyn.result/1");
  EXPECT_EQ(json["command"], "medisyn eval fid");
  EXPECT_EQ(json["metrics"]["fid"], 1.5);
  EXPECT_EQ(json["config"]["scales"], 3);
  EXPECT_EQ(json["inputs"][0]["sha256"], sha256_hex("abc"));
  EXPECT_GE(json["seconds"].get<double>(), 0);
  EXPECT_EQ(json["started"].get<std::string>().size(), 20U);
}

TEST(RunRecord, FolderHashChangesWithNamesAndSizes) {
  const fs::path folder = fresh_folder();
  const auto hash = [&folder] {
    RunRecord record("x");
    record.add_input(folder);
    return record.to_json()["inputs"][0]["sha256"].get<std::string>();
  };
  write_file(folder / "a", "1");
  const std::string first = hash();
  EXPECT_EQ(hash(), first);
  write_file(folder / "a", "12");
  EXPECT_NE(hash(), first);
}

}  // namespace
}  // namespace medisyn
