package Email::Sender::Transport::QMTP;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire::Sender ();
use Moo;
use Net::QMTP ();

extends 'Mail::Wire::Sender';

sub _port_by_default { $_[0]->ssl ? 6209 : 209 }
sub _content_word    { 'the message' }

sub BUILD {
    my ($self) = @_;
    my @login = grep { defined $self->$_ } qw(sasl_username sasl_password sasl_authenticator);
    croak ref($self) . ": QMTP has no authentication, option $login[0]" if @login;
    croak ref($self) . ": QMTP has no STARTTLS; ssl is 'ssl', or nothing" if $self->ssl =~ /starttls/;
    return;
}

sub _dial {
    my ($self) = @_;
    my @why;
    foreach my $host ($self->hosts) {
        my $qmtp = Net::QMTP->new($host, $self->_client_options, ConnectTimeout => $self->timeout);
        return $qmtp if $qmtp;
        push @why, "$host: $@";
    }
    return $self->_throw_unconnected(join '; ', @why);
}

# QMTP has addresses as they are, without the quotes of headers.
sub _address {
    my ($self, $address) = @_;
    return $address if $address !~ /\A"((?:[^"\\]|\\.)*)"(\@[^\@]*)?\z/s;
    my ($local, $domain) = ($1, defined $2 ? $2 : '');
    $local =~ s/\\(.)/$1/gs;
    return "$local$domain";
}

# What is said with LF, as headers that are made here are, goes so.
around _deliver => sub {
    my ($orig, $self, $qmtp, $message) = @_;
    (my $text = ${ $message->{Data} }) =~ s/\r\n/\n/g;
    return $self->$orig($qmtp, { %$message, Data => \$text, Encoding => 'unix' });
};

no Moo;
1;

__END__

=encoding utf8

=head1 NAME

Email::Sender::Transport::QMTP - send email by QMTP

=head1 SYNOPSIS

    use Email::Sender::Simple qw(sendmail);
    use Email::Sender::Transport::QMTP;

    my $transport = Email::Sender::Transport::QMTP->new({ host => 'mail.example.org' });

    my $mail = "From: ann\@example.org\nTo: ben\@example.org\nSubject: Hello\n\nHello.\n";
    sendmail($mail, { transport => $transport });

=head1 DESCRIPTION

A transport of L<Email::Sender> that hands messages to a QMTP server, such as qmail's, by L<Net::QMTP>. Options, results and methods
are those of L<Email::Sender::Transport::LMTP>, but:

=over

=item *

C<port> is 209 by default, with C<ssl> 6209.

=item *

C<ssl> is C<'ssl'>, or none: QMTP has no STARTTLS. It has no authentication either: C<sasl_username>, C<sasl_password> and
C<sasl_authenticator> croak. C<helo> is not said.

=item *

A QMTP server answers for its recipients when it has the message: every refusal is one behind the content, and the others have the message.
The codes are 250, 450 and 550.

=item *

Line ends are sent as LF. A local part in quotes is sent without them: that is how QMTP has it.

=back

L<Email::Sender::Transport::QMTP::Persistent> keeps its connection.

=head1 SEE ALSO

L<Email::Sender>, L<Email::Sender::Transport::LMTP>, L<Net::QMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
