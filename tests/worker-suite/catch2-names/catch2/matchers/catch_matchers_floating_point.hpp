// Catch2 3.x names, as the worker's tests use them, on the distribution's Catch2 2.x.
#ifndef CONVENE_CATCH_MATCHERS_FLOATING_POINT_HPP
#define CONVENE_CATCH_MATCHERS_FLOATING_POINT_HPP

#include <catch2/catch.hpp>

#endif
