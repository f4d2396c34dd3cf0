using UffdActors.Linux.Memory;

namespace UffdActors.Linux.Tests.Binding;

/// <summary>What was unmapped out of guest memory is not unmapped again with the rest: it may be another's by then.</summary>
public sealed class UnmappedPartsTests
{
    [Fact]
    public void The_rest_is_what_lies_between_the_parts_whatever_order_they_were_unmapped_in()
    {
        UnmappedParts parts = new();
        Assert.Equal([(0, 10)], parts.Rest(10));
        parts.Add(6, 1);
        Assert.Equal([(0, 6), (7, 10)], parts.Rest(10));
        parts.Add(2, 1);
        parts.Add(3, 1);
        Assert.Equal([(0, 2), (4, 6), (7, 10)], parts.Rest(10));
        parts.Add(0, 3);
        parts.Add(7, 3);
        Assert.Equal([(4, 6)], parts.Rest(10));
        parts.Add(4, 2);
        Assert.Empty(parts.Rest(10));
    }
}
