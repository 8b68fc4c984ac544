package SynopsisServer;

# Lets the SYNOPSIS of a manual page run as it stands: from here on, whatever server Net::LMTP, Net::QMTP and
# pools are told to connect to, they get one of ours.

use strict;
use warnings;

use Mail::Wire::Sink;
use Net::LMTP;
use Mail::Wire::Pool;
use Net::QMTP;

my %sink = map { $_ => Mail::Wire::Sink->new(protocol => $_) } qw(lmtp qmtp);
my %new  = (lmtp => \&Net::LMTP::new, qmtp => \&Net::QMTP::new, pool => \&Mail::Wire::Pool::new);

{
    no warnings 'redefine';
    *Net::LMTP::new = \&new_lmtp;
    *Net::QMTP::new = \&new_qmtp;
    *Mail::Wire::Pool::new = \&new_pool;
}

END { $_->stop for grep { defined } values %sink }

sub messages { return map { $_->messages } @sink{qw(lmtp qmtp)} }

# new(HOST, [PORT,] OPTIONS) or new(OPTIONS) with Host and Port among them.
sub new_lmtp {
    my ($class, @arg) = @_;
    my $host_first = @arg && $arg[0] ne 'Host';
    shift @arg if $host_first;
    shift @arg if $host_first and @arg % 2;
    my %option = @arg;
    delete @option{qw(Host Port)};
    return $new{lmtp}->($class, $sink{lmtp}->host, $sink{lmtp}->port, %option);
}

sub new_pool {
    my ($class, $urls, %option) = @_;
    return $new{pool}->($class, $sink{lmtp}->url, %option);
}

sub new_qmtp {
    my ($class, $host, %option) = @_;
    return $new{qmtp}->($class, $sink{qmtp}->host, %option, Port => $sink{qmtp}->port);
}

1;
