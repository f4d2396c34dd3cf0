namespace UffdActors.Model.Backends.Designs;

/// <summary>What <see cref="UserfaultRequest"/> asks for.</summary>
internal enum UserfaultRequestKind
{
    /// <summary>Which modes are there? Answer in <see cref="UserfaultRequest.Modes"/>.</summary>
    GetSupported,

    /// <summary>The page of a MINOR fault. Arguments File and Index, answer in Folio.</summary>
    FaultResolve,
}
