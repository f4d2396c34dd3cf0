namespace Microsoft.Extensions.Hosting.Systemd;

/// <summary>Stands for the service of the package of this name, which is known by its name alone.</summary>
public interface ISystemdNotifier;
