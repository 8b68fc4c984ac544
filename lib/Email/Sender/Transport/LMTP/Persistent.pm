package Email::Sender::Transport::LMTP::Persistent;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Email::Sender::Transport::LMTP ();
use Moo;

extends 'Email::Sender::Transport::LMTP';
with 'Mail::Wire::Sender::Persistent';

no Moo;
1;

__END__

=encoding utf8

=head1 NAME

Email::Sender::Transport::LMTP::Persistent - send email by LMTP, over a link that is kept

=head1 SYNOPSIS

    use Email::Sender::Simple qw(sendmail);
    use Email::Sender::Transport::LMTP::Persistent;

    my $transport = Email::Sender::Transport::LMTP::Persistent->new({ host => '/run/dovecot/lmtp' });
    for my $number (1 .. 3) {
        sendmail("From: ann\@example.org\nTo: ben\@example.org\nSubject: $number\n\nHello.\n", { transport => $transport });
    }
    $transport->disconnect;

=head1 DESCRIPTION

L<Email::Sender::Transport::LMTP>, but for the connection: it is made for the first message, and kept for those that follow. One that
has ended while it was idle is replaced by another one, once a message. After a C<fork>, and in another thread, a transport makes a connection
of its own and leaves the other one alone.

=head1 METHODS

=head2 disconnect

    $transport->disconnect;

Ends the connection in good order, if there is one. The next message makes another. A transport that goes without it just closes.

=head1 SEE ALSO

L<Email::Sender>, L<Email::Sender::Transport::LMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
