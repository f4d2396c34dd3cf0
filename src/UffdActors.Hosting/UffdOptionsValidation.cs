using Microsoft.Extensions.Options;

namespace UffdActors.Hosting;

/// <summary>Options are valid if the runtime can read them: its message names the key that is not valid.</summary>
internal sealed class UffdOptionsValidation : IValidateOptions<UffdOptions>
{
    /// <inheritdoc />
    public ValidateOptionsResult Validate(string? name, UffdOptions options)
    {
        try
        {
            UffdSettings settings = UffdSettings.Load(options.ToConfig());
            if (settings.IsStepped)
                return ValidateOptionsResult.Fail(
                    "uffd.dispatcher = uffd.stepped: a host runs on real threads; use uffd.fault-loop or uffd.parallel.");
            // A world is looked for when the runtime is made.
            return settings.Config.GetConfig("uffd.worlds").Root.GetObject().Items.ContainsKey(settings.World)
                ? ValidateOptionsResult.Success
                : ValidateOptionsResult.Fail($"uffd.world = {settings.World}: there is no such world; use model or live.");
        }
        catch (UffdConfigurationException e)
        {
            return ValidateOptionsResult.Fail(e.Message);
        }
    }
}
