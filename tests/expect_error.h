// EXPECT_ERROR(statement, text): the statement throws medisyn::Error with one line that holds the text.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "medisyn/core/error.h"

#define EXPECT_ERROR(statement, text)                                                     \
  do {                                                                                    \
    try {                                                                                 \
      statement;                                                                          \
      ADD_FAILURE() << "no error from " #statement ", expected: " << (text);              \
    } catch (const medisyn::Error& error) {                                               \
      EXPECT_THAT(std::string(error.what()), testing::HasSubstr(text));                   \
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what(); \
    }                                                                                     \
  } while (false)
