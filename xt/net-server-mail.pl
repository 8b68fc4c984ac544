# Net::Server::Mail::LMTP for a test: takes links one after the other until it is stopped.
#   net-server-mail.pl PORT DIRECTORY
# Each message goes into a file of its own. Recipients named "refused" fail at RCPT, those named "fails" at the end.

use strict;
use warnings;

use IO::Socket::INET;
use Net::Server::Mail::LMTP;

my ($port, $dir) = @ARGV;
my $listener = IO::Socket::INET->new(
    Listen => 5, LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1
) or die "port $port: $!\n";
my $count = 0;

while (my $link = $listener->accept) {
    my $server = Net::Server::Mail::LMTP->new(socket => $link) or next;
    $server->set_callback(RCPT => \&recipient);
    $server->set_callback(DATA => \&message);
    $server->process;
    $link->close;
}

sub recipient {
    my ($session, $address) = @_;
    return $address =~ /refused/ ? (0, 550, 'no such user') : 1;
}

# Called once for each recipient.
sub message {
    my ($session, $data, $address) = @_;
    return (0, 550, "$address Failed") if $address =~ /fails/;
    my $file = sprintf '%s/%06d', $dir, ++$count;
    open my $fh, '>:raw', $file or return (0, 451, 'no space');
    print {$fh} $$data;
    close $fh or return (0, 451, 'no space');
    return (1, 250, 'Ok');
}
