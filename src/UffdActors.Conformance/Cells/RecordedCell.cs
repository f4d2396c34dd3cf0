namespace UffdActors.Conformance.Cells;

/// <summary>The recorded behaviour of a real kernel for a cell: a row of a matrix, or a step of a trace.</summary>
/// <param name="File">File, as a path in the folder of the recordings.</param>
/// <param name="Line">Line number.</param>
/// <param name="Text">The row; or the step, and what it gave.</param>
/// <param name="Result">
/// The result, in the words of <see cref="CellAnswer.Result"/> or, of a refusal, <see cref="CellAnswer.Preparation"/>.
/// </param>
/// <param name="Out">The out field, in the words of <see cref="CellAnswer.Out"/>; null for a row, which has its own words for it.</param>
/// <param name="Step">Number of the step; null for a row.</param>
internal sealed record RecordedCell(string File, int Line, string Text, string Result, string? Out = null, int? Step = null)
{
    /// <summary>True if an answer equals the recording.</summary>
    public bool Shows(CellAnswer answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        return Result == (answer.IsReachable ? answer.Result : answer.Preparation) && (Out is null || Out == answer.Out);
    }

    /// <inheritdoc />
    public override string ToString() => Step is { } step ? $"{File}, step {step}: {Text}" : $"{File}:{Line}: {Text}";
}
