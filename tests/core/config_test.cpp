#include "medisyn/core/config.h"

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

struct Inner {
  double rate = 0.5;
  std::vector<std::int64_t> widths = {1, 2};
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("rate", self.rate, in_range(0, 1));
    visit("widths", self.widths, scalar_or_list());
  }
};

struct Outer {
  bool is_on = false;
  std::int64_t count = 3;
  std::string kind = "a";
  std::optional<double> limit;
  std::filesystem::path file = "x";
  Inner inner;
  std::vector<Inner> list;
  std::map<std::string, std::int64_t> table;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("is_on", self.is_on);
    visit("count", self.count, at_least(1));
    visit("kind", self.kind, one_of({"alpha", "a", "b"}));
    visit("limit", self.limit);
    visit("file", self.file);
    visit("inner", self.inner);
    visit("list", self.list);
    visit("table", self.table);
    visit.fixed("act_fn", std::string("silu"));
    visit.ignored("_class_name");
  }
};

Outer parse(const std::string& text) { return config_from_node<Outer>(parse_config_text(text, "t.yaml")); }

TEST(Config, ReadsEveryKindOfValue) {
  const Outer config = parse(
      "is_on: true\ncount: 7\nkind: b\nlimit: 1e-3\nfile: a/b.png\n_class_name: Any\nact_fn: silu\n"
      "inner: {rate: 0.25, widths: [4, 5]}\nlist: [{rate: 1}, {widths: 9}]\ntable: {x: 1, y: 2}\n");
  EXPECT_TRUE(config.is_on);
  EXPECT_EQ(config.count, 7);
  EXPECT_EQ(config.kind, "b");
  EXPECT_DOUBLE_EQ(*config.limit, 1e-3);
  EXPECT_EQ(config.file, "a/b.png");
  EXPECT_EQ(config.inner.widths, (std::vector<std::int64_t>{4, 5}));
  ASSERT_EQ(config.list.size(), 2U);
  EXPECT_EQ(config.list[1].widths, (std::vector<std::int64_t>{9}));
  EXPECT_EQ(config.table.at("y"), 2);
}

TEST(Config, ReadsJsonAsHuggingFaceWritesIt) {
  const Outer config = parse(
      "{\n  \"_class_name\": \"X\",\n  \"count\": 2,\n  \"limit\": null,\n  \"inner\": {\"rate\": "
      "1e-05}\n}\n");
  EXPECT_EQ(config.count, 2);
  EXPECT_FALSE(config.limit.has_value());
  EXPECT_DOUBLE_EQ(config.inner.rate, 1e-5);
}

TEST(Config, UnknownKeyIsAnErrorWithLineAndSuggestion) {
  EXPECT_ERROR(parse("count: 2\ninner:\n  raet: 0.1\n"),
               "t.yaml:3: inner.raet: unknown key; did you mean rate?");
  EXPECT_ERROR(parse("list:\n  - rate: 0.1\n  - wdiths: 3\n"),
               "t.yaml:3: list[1].wdiths: unknown key; did you mean widths?");
}

TEST(Config, WrongTypesAreRefused) {
  EXPECT_ERROR(parse("count: 1.7\n"), "t.yaml:1: count: expected a whole number, found 1.7");
  EXPECT_ERROR(parse("count: true\n"), "expected a whole number, found true");
  EXPECT_ERROR(parse("count: \"3\"\n"), "found the text \"3\"");
  EXPECT_ERROR(parse("is_on: yes\n"), "is_on: expected true or false, found yes");
  EXPECT_ERROR(parse("limit: .nan\n"), "limit: expected a number");
  EXPECT_ERROR(parse("limit: 3x\n"), "limit: expected a number, found 3x");
  EXPECT_ERROR(parse("inner: 3\n"), "inner: expected a map of keys, found 3");
  EXPECT_ERROR(parse("list: {a: 1}\n"), "list: expected a list, found a map");
  EXPECT_ERROR(parse("count: [1]\n"), "count: expected a whole number, found a list");
  EXPECT_ERROR(parse("count: 99999999999999999999\n"), "expected a whole number");
  EXPECT_ERROR(parse("- 1\n"), "expected a map of keys, found a list");
}

TEST(Config, RangesChoicesAndFixedValuesAreChecked) {
  EXPECT_ERROR(parse("count: 0\n"), "count: expected a number of at least 1, found 0");
  EXPECT_ERROR(parse("inner: {rate: 1.5}\n"), "inner.rate: expected a number from 0 to 1, found 1.5");
  EXPECT_ERROR(parse("kind: alhpa\n"),
               "kind: expected one of alpha, a, b (did you mean alpha?), found alhpa");
  EXPECT_ERROR(parse("count: 1\nact_fn: gelu\n"),
               "t.yaml:2: act_fn: expected silu (other values are not supported), found gelu");
}

TEST(Config, OverridesReplaceAndAdd) {
  const fs::path file = fresh_folder() / "c.yaml";
  write_file(file, "count: 2\n");
  const auto config = read_config<Outer>(file, {"count=5", "inner.rate=0.75", "inner.widths=[7]", "limit=2"});
  EXPECT_EQ(config.count, 5);
  EXPECT_DOUBLE_EQ(config.inner.rate, 0.75);
  EXPECT_EQ(config.inner.widths, (std::vector<std::int64_t>{7}));
  EXPECT_ERROR(read_config<Outer>(file, {"cuont=5"}),
               "--set cuont=5: cuont: unknown key; did you mean count?");
  EXPECT_ERROR(read_config<Outer>(file, {"count=x"}),
               "--set count=x: count: expected a whole number, found x");
  EXPECT_ERROR(read_config<Outer>(file, {"count"}), "--set count: expected key=value");
  EXPECT_ERROR(read_config<Outer>(file, {"count.deep=1"}), "expected a map of keys");
}

TEST(Config, WrittenYamlReadsBackTheSame) {
  Outer config = parse("count: 9\nkind: alpha\nlist: [{rate: 0.1}, {widths: [3, 4]}]\ntable: {k: 5}\n");
  config.file = "with: colon and \"quotes\" \xC3\xA9";
  config.inner.rate = 5e-5;
  const fs::path file = fresh_folder() / "out.yaml";
  write_config_yaml(file, config);
  EXPECT_EQ(config_to_json(read_config<Outer>(file)), config_to_json(config));
  EXPECT_THAT(read_file(file), testing::HasSubstr("rate: 5.0e-05"));  // for readers of YAML 1.1
}

struct Needs {
  std::string name;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, required());
  }
};

TEST(Config, MissingRequiredKeyIsNamed) {
  EXPECT_ERROR(config_from_node<Needs>(parse_config_text("{}", "n.yaml")),
               "n.yaml:1: name: this key is missing");
}

}  // namespace
}  // namespace medisyn
