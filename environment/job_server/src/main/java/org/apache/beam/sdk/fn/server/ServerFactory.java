package org.apache.beam.sdk.fn.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.BindableService;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.Server;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.ServerInterceptors;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.netty.NettyServerBuilder;

/**
 * Starts the gRPC servers of Beam's runner on the loopback address.
 *
 * <p>It stands in for Beam's class of this name, whose servers listen on all addresses. They ask nobody who he is, and
 * whoever reaches the job server can start any program by it.
 */
public class ServerFactory {

  /** Makes the address that clients are told. */
  public interface UrlFactory {
    String createUrl(String host, int port);

    static UrlFactory createDefault() {
      return (host, port) -> host + ":" + port;
    }
  }

  private final UrlFactory urls;
  private final Supplier<Integer> ports;

  private ServerFactory(UrlFactory urls, Supplier<Integer> ports) {
    this.urls = urls;
    this.ports = ports;
  }

  public static ServerFactory createDefault() {
    return createWithUrlFactory(UrlFactory.createDefault());
  }

  public static ServerFactory createWithUrlFactory(UrlFactory urls) {
    return createWithUrlFactoryAndPortSupplier(urls, () -> 0);
  }

  public static ServerFactory createWithPortSupplier(Supplier<Integer> ports) {
    return createWithUrlFactoryAndPortSupplier(UrlFactory.createDefault(), ports);
  }

  public static ServerFactory createWithUrlFactoryAndPortSupplier(UrlFactory urls, Supplier<Integer> ports) {
    return new ServerFactory(urls, ports);
  }

  /** Starts a server on a free port, and writes its address into the descriptor. */
  public Server allocateAddressAndCreate(List<BindableService> services, ApiServiceDescriptor.Builder descriptor)
      throws IOException {
    Server server = start(services, ports.get());
    descriptor.setUrl(urls.createUrl(InetAddress.getLoopbackAddress().getHostName(), server.getPort()));
    return server;
  }

  /** Starts a server on the port that the descriptor names. */
  public Server create(List<BindableService> services, ApiServiceDescriptor descriptor) throws IOException {
    String url = descriptor.getUrl();
    return start(services, Integer.parseInt(url.substring(url.lastIndexOf(':') + 1)));
  }

  private static Server start(List<BindableService> services, int port) throws IOException {
    NettyServerBuilder server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))
            .maxInboundMessageSize(Integer.MAX_VALUE) // the runner itself limits what it sends
            .permitKeepAliveTime(1, TimeUnit.SECONDS); // Python's workers ask often whether it is alive
    for (BindableService service : services) {
      server.addService(ServerInterceptors.intercept(service, GrpcContextHeaderAccessorProvider.interceptor()));
    }
    return server.build().start();
  }
}
