package Mail::Wire::Mailbox;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire::Mailbox::Folder ();
use Mail::Wire::Mailbox::Input ();
use Mail::Wire::Mailbox::Kind ();
use Scalar::Util qw(openhandle);

our @CARP_NOT = (
    (map {"Mail::Wire::$_"} qw(Client Source Spool Standard)),
    (map {"Mail::Wire::Mailbox::$_"} qw(Folder Input Kind MMDF Mbox Message Tar Unpack Window Zip)),
);

# A mailbox is a stack of readers. The `next` of one gives a message, or [ an input, its place, whether it is mail ], which is a message or
# another reader then.

sub new {
    my ($class, $place, @options) = @_;
    croak 'usage: Mail::Wire::Mailbox->new(PATH or HANDLE [, Format => NAME])' if not defined $place or @options % 2;
    my %option = @options;
    my $format = delete $option{Format};
    my @unknown = sort keys %option;
    croak "Mail::Wire::Mailbox: unknown option @unknown" if @unknown;
    croak "Mail::Wire::Mailbox: no format '$format', they are " . join ' ', Mail::Wire::Mailbox::Kind::formats()
        if defined $format and not grep { $_ eq $format } Mail::Wire::Mailbox::Kind::formats();
    my $self = bless { readers => [], skipped => [], how => { format => $format } }, $class;
    $self->_open($place);
    return $self;
}

sub _open {
    my ($self, $place) = @_;
    my $fh = ref $place || ref \$place eq 'GLOB' ? openhandle($place) || croak 'Mail::Wire::Mailbox: the handle is not open' : undef;
    my $path = $fh ? 'the handle' : "$place";
    my ($base) = $path =~ m{([^/]+)/*\z};
    $self->{how}{base} = defined $base ? $base : '';
    if (not $fh and -d $path) {
        push @{ $self->{readers} }, Mail::Wire::Mailbox::Folder->new(path => $path, how => $self->{how});
        return;
    }
    my $format = $self->{how}{format};
    croak "$path is no folder" if defined $format and $format =~ /\A(?:maildir|mh)\z/;
    my $input = $fh ? Mail::Wire::Mailbox::Input->of_handle($path, $fh) : Mail::Wire::Mailbox::Input->of_path($path);
    my $reader = Mail::Wire::Mailbox::Kind::reader($input, '', $self->{how});
    croak "$path is no mailbox, as far as can be seen: Format says what it is" if not $reader;
    push @{ $self->{readers} }, $reader;
    return;
}

sub next {
    my ($self) = @_;
    my $readers = $self->{readers};
    while (my $reader = $readers->[-1]) {
        my ($found, $error);
        {
            local $@;
            eval { $found = $reader->next; 1 } or $error = $@;
        }
        return $found if $found and ref $found ne 'ARRAY';

        # One file of many may be gone, or nobody's to read; any other reader cannot go on.
        if    ($found) { $self->_enter($reader, @$found) }
        elsif (not defined $error or not $reader->isa('Mail::Wire::Mailbox::Folder')) { pop @$readers }
        die $error if defined $error;
    }
    return;
}

# What is in a reader's input: a message is a reader of itself.
sub _enter {
    my ($self, $reader, $input, $place, $is_mail) = @_;
    my $inner = Mail::Wire::Mailbox::Kind::reader($input, $place, $reader->{how}, $is_mail);
    push @{ $inner ? $self->{readers} : $self->{skipped} }, $inner || $input->name;
    return;
}

sub skipped { @{ $_[0]{skipped} } }

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Mailbox - the messages of mailboxes and archives, one after another

=head1 SYNOPSIS

    use Mail::Wire;
    use Mail::Wire::Mailbox;

    my $client = Mail::Wire->connect('lmtp://127.0.0.1:24') or die $@;
    my $mailbox = Mail::Wire::Mailbox->new('archive.mbox');
    while (my $message = $mailbox->next) {
        my $sender = $message->sender;
        $client->submit(
            From => defined $sender ? $sender : '',
            To   => ['ann@example.org'],
            $message->content,
        );
    }
    $client->finish;
    while (my $delivery = $client->collect) {
        print $_->as_string, "\n" for grep { !$_->is_success } $delivery->results;
    }
    $client->quit;

=head1 DESCRIPTION

Reads mail from where it lies, for programs that hand it on. It holds no message of a plain file in memory:
what it gives is a stretch of the file, which C<deliver> and C<submit> of L<Net::LMTP> and L<Net::QMTP> send
from there. No mailbox is ever written to.

It reads

=over

=item mbox

A message begins at each line with C<From >, an address and a date. A line without both, such as C<From here
on>, is text, wherever it stands. Such a line need not have a blank line in front. The blank line in front of
it, and at the file's end, is no part of a message.

=item MMDF

Messages between lines of four characters C<\x01>.

=item Maildir

With the folders of Maildir++, and in each the messages by the time of their delivery. Messages that are
packed, as Dovecot can have them, are unpacked.

=item MH, and trees of F<.eml> files

With all folders in them, and any mailbox of another kind that is among them: files that begin as an mbox or
an MMDF mailbox does, archives, Maildirs. In a folder, other files are left out, see L</skipped>.

=item tar and zip archives of all these

=item any of these packed

by gzip, bzip2, xz (needs Compress::Raw::Lzma) or zstd (needs the program C<zstd>). A message in what is
packed, or in a zip archive, is held in memory up to 1 MB, a longer one in a temporary file.

=back

A kind is known by its first bytes, not by its name. But who sends mail chooses how that begins: what Format,
a Maildir or a name in F<.eml> says to be a message is one, and what begins as mail is no archive unless its
name ends in F<.tar>, F<.tgz> or F<.zip>. A tar older than POSIX is known by such a name alone.

Memory does not grow with the number or the size of messages, but the names of the files in one folder are held.

The last message of what is packed is given when the packer's checksum, at its end, was found right. Another
one may be damaged in a way that only this checksum shows: then an error comes behind it. Where that matters,
C<gzip -t> and its kin look first.

A file that others write to meanwhile is to be locked by the caller, or copied. One that was written to since
it was opened croaks.

=head1 METHODS

=head2 new(PATH or HANDLE [, Format => NAME])

A mailbox, or a folder of mailboxes. A handle is read as a stream, from where it is, through its layers; an
error, also of one that is tied, is not taken for its end. Croaks when it cannot be read, or when it is no
mailbox. Format says what cannot be seen, or is to be taken for certain:

=over

=item mbox, mboxo

An mbox whose lines go as they are. That is the default for an mbox: where its writer put a C<< > >> in front
of a C<From > in the text, it stays, as nobody can tell it from one that the sender wrote.

=item mboxrd

One C<< > >> is taken off where a C<From > has one or more in front, at the beginning of a line.

=item mboxcl, mboxcl2

A message's C<Content-Length> says how long it is, if a line with C<From >, an address and a date follows
there, with a blank line in front at the most, or the file's end; one that is wrong is left out of account.
With other formats it means nothing: who sends mail could hide the messages behind his own by it.

=item takeout

Google Takeout: an mbox, whose C<From > lines name no sender.

=item mmdf

MMDF.

=item maildir, mh

Of a folder, only Maildirs; only files whose name is a number, whatever is in them.

=item eml

Each file is a message, but for archives with a name in F<.tar>, F<.tgz> or F<.zip>.

=back

=head2 next

The next message, an object with the methods below; undef at the end. Croaks, with the file's name, the offset
and what is wrong, for what cannot be read, is cut or damaged: no part of a message is given for the whole.
When C<next> is called again it goes on behind that file, if there are others.

=head2 skipped

The names of the files in folders and archives that were left out so far, as they are no mail: nothing about
them says so, or they are empty. And those in a tar that it has no text of, or that have holes, whatever they
are: links, GNU's and POSIX's sparse files, parts of files.

=head1 MESSAGES

=head2 content

    $client->submit(From => $sender, To => \@to, $message->content);

The arguments of C<deliver> and C<submit> for this message: C<Range> and C<range>, if there is one, else
C<Data> and C<data>.

=head2 range

A reference to a list of a handle, an offset and a length, the bytes of the message in a file; undef if they
are in no file, or are others there, as where a C<< > >> is to be taken off. Croaks when the file was written
to since the mailbox was opened.

=head2 data

A reference to the text, or code that returns it in pieces.

=head2 as_string

The whole text.

=head2 beginning(COUNT)

Its first COUNT octets as they are stored, or all if they are fewer.

=head2 path, offset, length

Where it is: the file's name (in an archive, that of the archive, a colon, the name in it), the offset in
bytes in that file, unpacked, and the length there. They are the same whenever the mailbox is read.

=head2 folder

The name of its folder, with C</> between the parts: that of its Maildir (F<.Sent.2020> is C<Sent/2020>, the
top is C<INBOX>), of its folder of MH or F<.eml> files, of its mbox without F<.mbox> and the packer's suffix.
Names are from the mailbox on, whose own top is its last name.

=head2 sender

The envelope's sender: the address of the C<From > line, or, where there is none, of the first C<Return-Path>
in the header. C<''> for the null sender (C<MAILER-DAEMON> in a C<From > line). undef: it is not known.

=head2 date

The date of the C<From > line, as it stands there, or undef.

=head2 header(NAME)

    my $subject = $message->header('Subject');
    my @hops = $message->header('Received');

The header fields of this name, unfolded, as they are: in list context all, else the first. Those behind the
first 64 KB are not seen.

=head2 head

The header as it is, with the blank line behind it, or the first 64 KB of a longer one.

=head2 labels

Google's labels (C<X-Gmail-Labels>), as a list, in characters.

=head1 SEE ALSO

L<Net::LMTP>, L<Net::QMTP>, L<Mail::Wire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
