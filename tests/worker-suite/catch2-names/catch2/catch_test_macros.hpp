// Catch2 3.x names, as the worker's tests use them, on the distribution's Catch2 2.x.
#ifndef CONVENE_CATCH_TEST_MACROS_HPP
#define CONVENE_CATCH_TEST_MACROS_HPP

#include <catch2/catch.hpp>

#endif
