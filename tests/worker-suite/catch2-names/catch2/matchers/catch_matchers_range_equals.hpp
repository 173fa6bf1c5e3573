// A matcher of Catch2 3.x, as the worker's tests use it, for the distribution's Catch2 2.x.
#ifndef CONVENE_CATCH_MATCHERS_RANGE_EQUALS_HPP
#define CONVENE_CATCH_MATCHERS_RANGE_EQUALS_HPP

#include <catch2/catch.hpp>
#include <algorithm>
#include <string>
#include <utility>

namespace Catch
{
	namespace Matchers
	{
		template<typename Expected>
		class RangeEqualsMatcher
		{
		public:
			explicit RangeEqualsMatcher(Expected expected) : expected(std::move(expected))
			{
			}

			template<typename Range>
			bool match(const Range& range) const
			{
				return std::ranges::equal(range, this->expected);
			}

			std::string toString() const
			{
				return "elements are " + ::Catch::Detail::stringify(this->expected);
			}

		private:
			Expected expected;
		};

		template<typename Expected>
		RangeEqualsMatcher<Expected> RangeEquals(Expected expected)
		{
			return RangeEqualsMatcher<Expected>(std::move(expected));
		}
	} // namespace Matchers
} // namespace Catch

#endif
