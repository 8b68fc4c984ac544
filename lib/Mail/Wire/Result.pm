package Mail::Wire::Result;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

# `enhanced` and `is_success` are the glue's.
use Mail::Wire ();
use overload '""' => sub { $_[0]->as_string }, bool => sub { 1 }, fallback => 1;

# An array, made by the glue in this order.
use constant {
    RECIPIENT       => 0,
    INDEX           => 1,
    CODE            => 2,
    MESSAGE         => 3,
    STAGE           => 4,
    NOTES           => 5,
    COMMAND         => 6,    # only where it is known
};

# Notes: see xs/convert.h.
use constant { MAYBE_DELIVERED => 1, ANSWERED => 2, CHUNKED => 4, QMTP => 8 };

# One that the glue has no part in.
sub _new {
    my ($class, $recipient, $index, $code, $message, $stage) = @_;
    return bless [ $recipient, $index, $code, $message, $stage, 0 ], $class;
}

sub recipient       { $_[0][RECIPIENT] }
sub index           { $_[0][INDEX] }
sub code            { $_[0][CODE] }
sub message         { $_[0][MESSAGE] }
sub stage           { $_[0][STAGE] }
sub maybe_delivered { $_[0][NOTES] & MAYBE_DELIVERED ? 1 : 0 }

# Whatever is neither a success nor a refusal for good may be tried again.
sub status {
    my $class = int($_[0][CODE] / 100);
    return $class == 2 ? 'success' : $class == 5 ? 'failure' : 'deferral';
}

sub is_deferral { $_[0]->status eq 'deferral' }
sub is_failure  { int($_[0][CODE] / 100) == 5 }

# What was said and what was answered.
sub transcript {
    my ($self) = @_;
    my $notes = $self->[NOTES];
    return if !($notes & (ANSWERED | MAYBE_DELIVERED));
    my $reply;
    if ($notes & ANSWERED) {
        $reply = $notes & QMTP ? $self->_letter . $self->message : _reply($self->code, $self->message);
    }
    return _exchange($self->_command, $reply);
}

sub _letter { { success => 'K', deferral => 'Z', failure => 'D' }->{ $_[0]->status } }

sub _command {
    my ($self) = @_;
    my ($notes, $stage) = @$self[ NOTES, STAGE ];
    return $self->[COMMAND] if defined $self->[COMMAND];
    return '(package)'      if $notes & QMTP;
    return '(content)'      if $stage eq 'body' and !($notes & CHUNKED);
    my %verb = (mail => 'MAIL', rcpt => "RCPT TO:<$self->[RECIPIENT]>", data => 'DATA', body => 'BDAT');
    return $verb{$stage} || ($notes & CHUNKED ? 'BDAT LAST' : '.');
}

# Lines of a reply, as they were on the wire (RFC 5321 4.2).
sub _reply {
    my ($code, $words) = @_;
    my @lines = split /\n/, $words, -1;
    my $last = pop @lines;
    return join "\n", (map {"$code-$_"} @lines), defined $last && length $last ? "$code $last" : $code;
}

# Both, or as text, as Trace shows them.
sub _exchange {
    my ($command, $reply) = @_;
    return ($command, $reply) if wantarray;
    return join '', "> $command\n", map {"< $_\n"} defined $reply ? split(/\n/, $reply) : ();
}

sub as_string {
    my ($self) = @_;
    (my $message = $self->message) =~ s/\s*\n/ /g;
    my ($recipient, $words) = map { _on_one_line($_) } $self->recipient, $message;
    return sprintf '<%s>: %s (%s) %s%s%s', $recipient, $self->status, $self->stage, $self->code, length $words ? " $words" : '',
        $self->maybe_delivered ? ' (may have been delivered)' : '';
}

# Addresses and servers' words are octets of any kind: control characters would forge lines.
sub _on_one_line {
    my ($text) = @_;
    $text =~ s/([\x00-\x1f\x7f])/sprintf '\x%02x', ord $1/ge;
    return $text;
}

sub TO_JSON {
    my ($self) = @_;
    my %fields = map { $_ => $self->$_ } qw(recipient status enhanced message stage);
    $fields{$_} = $self->$_ + 0 for qw(index code);
    $fields{maybe_delivered} = $self->maybe_delivered ? \1 : \0;
    return \%fields;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Result - what became of one recipient

=head1 SYNOPSIS

    use Net::LMTP;

    my $lmtp = Net::LMTP->new('mail.example.org', 24) or die $@;
    $lmtp->mail('sender@example.org');
    $lmtp->recipient('ann@example.org', 'ben@example.org', { SkipBad => 1 });
    $lmtp->data("Subject: Hello\n\nHello.\n");

    for my $result ($lmtp->results) {
        print $result->as_string, "\n";
        if ($result->is_deferral) {
            print '  try again', $result->maybe_delivered ? ', at the risk of a second copy' : '', "\n";
        }
    }
    $lmtp->quit;

=head1 DESCRIPTION

LMTP and QMTP servers answer for each recipient of a message. A result is such an answer, or says
that there is none and why. It is the same for both protocols.

Results are made by L<Net::LMTP>'s methods C<results> and C<data_results> and by L<Net::QMTP>'s
C<results>, in the order of the recipients; equal recipients have a result each. A result is a
value: it doesn't change any more, and has no other methods than these.

Texts are octets, as they were on the wire.

=head1 METHODS

=head2 recipient

The address as it was sent, without the angle brackets of LMTP.

=head2 index

The recipient's place among all of the message, counted from 0, whether refused early or not.

=head2 status

One of

=over

=item success

The server took the responsibility for the message (RFC 5321 4.2.1: 2xx; QMTP: C<K>).

=item failure

It refused for good (5xx; QMTP: C<D>).

=item deferral

Anything else: the server says that a later try may succeed (4xx; QMTP: C<Z>), or there is no
answer, or none that can be trusted.

=back

=head2 is_success, is_deferral, is_failure

True for the status of that name, else false.

=head2 code

LMTP: the reply's code, three digits; 421 when the server said nothing. QMTP has no codes: 250, 450
or 550 by C<status>.

=head2 enhanced

The enhanced status code (RFC 2034, RFC 3463) that the text begins with, such as C<5.1.1>, or that
stands in it as qmail's programs write it, C<(#5.1.1)>. undef if there is none.

=head2 message

The server's words, without codes of LMTP or the letter of QMTP; the lines of an LMTP reply are
joined by C<"\n">, none at the end. When the server said nothing, it is a phrase of ours, such as
C<[Net::LMTP] Timeout>. Never undef.

=head2 stage

Where it was decided:

=over

=item connect

Before the message was begun: there was no connection.

=item mail

At the sender: MAIL was refused, or the link was lost there.

=item rcpt

At the recipient: RCPT was refused, or the link was lost there.

=item data

When DATA was sent.

=item body

On the way of the message itself: a BDAT was refused, the link was lost before the message's last
byte had left, or its file is not what it was when it was given.

=item final

At the end of the message, which had been sent whole, or which the server refused before that. All answers of QMTP servers are of
this stage, but those to a file that changed.

=back

=head2 maybe_delivered

1 when the message's last byte may have reached the server but its answer didn't come, or came for a file that was
written to meanwhile: the message may have been delivered or not, and sending it again may give the recipient a second copy. Else 0:
the server has answered, or can't have the whole message.

=head2 transcript

    my ($command, $reply) = $result->transcript;

The command that decided, and the server's reply to it, without line ends at their ends; a reply of several lines has C<"\n"> between them. The
reply is undef when the message may have been delivered and the answer is missing. The list is empty when no reply of the server's decided, and
before the end of the message. In scalar context the same is a text, as Trace of L<Net::LMTP/new> has it, and undef in place of the empty list:

    > RCPT TO:<ben@example.org> NOTIFY=NEVER
    < 550 5.1.1 No such user

The command is C<MAIL ...>, C<RCPT ...>, C<DATA>, C<BDAT>, C<BDAT LAST>, C<.> (the end of the message) or C<(content)>; to
QMTP servers it is C<(package)>, and the reply has its letter in front. MAIL and the parameters of RCPT are shown whole where
L<deliver|Net::LMTP/deliver> and its kin sent them in the last transaction. Nothing is copied for it as long as servers accept.

=head2 as_string

All of it on one line; a result that is used as a string is this:

    <ann@example.org>: deferral (final) 452 4.2.2 Mailbox full
    <ben@example.org>: deferral (final) 421 [Net::LMTP] Timeout (may have been delivered)

=head2 TO_JSON

A reference to a hash of C<recipient>, C<index>, C<status>, C<code>, C<enhanced>, C<message>,
C<stage> and C<maybe_delivered>, the last one as a JSON boolean: JSON::PP and its kin call it when
C<convert_blessed> is on.

=head1 SEE ALSO

L<Net::LMTP>, L<Net::QMTP>, L<Mail::Wire>.

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
