// Union-find over 0..n-1: which things belong together when pairs of them do.
#pragma once

#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace medisyn {

/// Disjoint sets with union by size and path halving (Tarjan and van Leeuwen 1984): nearly constant time an
/// operation. 16 bytes an element.
class DisjointSets {
 public:
  explicit DisjointSets(std::size_t n) : parent_(n), size_(n, 1) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }

  /// The element that stands for the set of i. It may change with every join().
  std::size_t find(std::size_t i) {
    while (parent_[i] != i) {
      parent_[i] = parent_[parent_[i]];
      i = parent_[i];
    }
    return i;
  }

  /// Makes one set of the sets of a and b; false when they were one.
  bool join(std::size_t a, std::size_t b) {
    a = find(a);
    b = find(b);
    if (a == b) {
      return false;
    }
    if (size_[a] < size_[b]) {
      std::swap(a, b);
    }
    parent_[b] = a;
    size_[a] += size_[b];
    return true;
  }

  /// Elements in the set of i.
  std::size_t size_of(std::size_t i) { return size_[find(i)]; }

 private:
  std::vector<std::size_t> parent_;
  std::vector<std::size_t> size_;  ///< of elements that stand for a set
};

}  // namespace medisyn
